-- params: $1 float8 seconds | pass: 0 rows before a migration | priv: pg_monitor (else xact_start of others is NULL => UNKNOWN)
-- An aborted idle transaction has no xact_start any more; it is as old as its last change of state.
SELECT t.pid, t.usename AS "user", t.application_name AS app, t.state, EXTRACT(EPOCH FROM clock_timestamp() - t.since)::float8 AS xact_age_s,
       t.backend_xid IS NOT NULL AS has_written, left(t.query, 200) AS query
FROM (SELECT a.*, COALESCE(a.xact_start, CASE WHEN a.state LIKE 'idle in transaction%' THEN a.state_change END) AS since FROM pg_stat_activity a) t
WHERE t.since IS NOT NULL AND t.pid <> pg_backend_pid() AND t.backend_type = 'client backend'
  AND clock_timestamp() - t.since > make_interval(secs => $1::float8) ORDER BY t.since;
