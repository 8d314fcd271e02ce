-- params: $1 bigint min_rows | WARN on much that is dead; autovacuum that never came is worse | of the primary: a standby counts none of it | priv: any
SELECT schemaname || '.' || relname AS "table", n_live_tup AS live, n_dead_tup AS dead, (100.0 * n_dead_tup / GREATEST(n_live_tup + n_dead_tup, 1))::float8 AS dead_pct,
       EXTRACT(EPOCH FROM now() - GREATEST(last_vacuum, last_autovacuum))::float8 AS vacuum_age_s
FROM pg_stat_user_tables WHERE n_live_tup + n_dead_tup >= $1::bigint ORDER BY dead_pct DESC, 1;
