-- params: $1 text application name or NULL, $2 int[] pids | evidence: these sessions | priv: any for those of one's own role and for pid, user and application; pg_monitor for the state, the times and the query of others (else NULL)
-- waitstart is there from PostgreSQL 14 on; before, the wait counts from the beginning of the query. Touches no user relation, so it works during a lock queue.
SELECT a.pid, a.usename::text AS "user", a.datname::text AS database, a.application_name AS app, a.backend_type AS kind, a.state, a.wait_event_type, a.wait_event, left(a.query, 2000) AS query,
       EXTRACT(EPOCH FROM clock_timestamp() - a.xact_start)::float8 AS xact_s, EXTRACT(EPOCH FROM clock_timestamp() - a.query_start)::float8 AS query_s,
       EXTRACT(EPOCH FROM clock_timestamp() - a.state_change)::float8 AS state_s,
       l.pid IS NOT NULL AS waits, EXTRACT(EPOCH FROM clock_timestamp() - COALESCE(l.since, a.query_start))::float8 AS waiting_s
FROM pg_stat_activity a LEFT JOIN (SELECT w.pid, min((to_jsonb(w) ->> 'waitstart')::timestamptz) AS since FROM pg_locks w WHERE NOT w.granted GROUP BY w.pid) l ON l.pid = a.pid
WHERE a.pid <> pg_backend_pid() AND (a.application_name = $1::text AND COALESCE(a.backend_type, 'client backend') = 'client backend' OR a.pid = ANY ($2::int[]))
ORDER BY a.backend_start NULLS LAST, a.pid;
