-- params: $1 int max_scans, $2 bigint min_bytes | WARN on rows, but INCONCLUSIVE while stats_age < 7 days; also ask every standby
SELECT s.schemaname AS schema, s.relname AS "table", s.indexrelname AS index, s.idx_scan AS scans, pg_relation_size(s.indexrelid) AS bytes,
       EXTRACT(EPOCH FROM now() - COALESCE(d.stats_reset, pg_postmaster_start_time()))::bigint AS stats_age_s, d.stats_reset IS NULL AS stats_never_reset
FROM pg_stat_user_indexes s JOIN pg_index x ON x.indexrelid = s.indexrelid JOIN pg_stat_database d ON d.datname = current_database()
WHERE s.idx_scan <= $1::bigint AND pg_relation_size(s.indexrelid) >= $2::bigint AND NOT x.indisunique AND NOT x.indisprimary AND NOT x.indisexclusion
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = s.indexrelid)
ORDER BY bytes DESC, index;
