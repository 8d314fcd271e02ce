-- params: none | pass: 0 rows | priv: pg_monitor (without it: 0 rows for others' sessions => UNKNOWN)
-- blocker pid 0 = a PREPARED TRANSACTION (no session to kill: see p22, ROLLBACK PREPARED). root_blocker=true is the one to look at. Touches no user relation, so it works during a lock queue.
SELECT w.pid AS waiter, w.usename AS waiter_user, w.application_name AS waiter_app, EXTRACT(EPOCH FROM clock_timestamp() - w.state_change)::float8 AS waiting_s, left(w.query,120) AS waiter_query,
       bp.pid AS blocker, COALESCE(b.usename::text, CASE WHEN bp.pid = 0 THEN '(prepared transaction)' END) AS blocker_user, b.state AS blocker_state,
       EXTRACT(EPOCH FROM clock_timestamp() - b.xact_start)::float8 AS blocker_xact_s, left(b.query,120) AS blocker_query,
       (bp.pid = 0 OR cardinality(pg_blocking_pids(bp.pid)) = 0) AS root_blocker
FROM pg_stat_activity w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS bp(pid) LEFT JOIN pg_stat_activity b ON b.pid = bp.pid
ORDER BY root_blocker DESC, waiting_s DESC;
