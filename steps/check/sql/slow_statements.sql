-- params: $1 float8 mean_ms, $2 bigint min_calls, $3 int limit | WARN on rows | priv: pg_read_all_stats (else query text hidden)
SELECT s.queryid::text AS queryid, pg_get_userbyid(s.userid) AS "user", s.calls, s.mean_exec_time AS mean_ms, s.max_exec_time AS max_ms, s.stddev_exec_time AS stddev_ms, s.total_exec_time AS total_ms, s.rows,
       s.temp_blks_written, left(regexp_replace(s.query, '\s+', ' ', 'g'), 160) AS query
FROM pg_stat_statements s WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.mean_exec_time >= $1::float8 AND s.calls >= $2::bigint
ORDER BY s.total_exec_time DESC LIMIT $3::int;
