-- params: none | a view for while a migration runs | priv: pg_monitor
SELECT p.pid, COALESCE((SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p.relid), p.relid::text) AS "table", p.command, p.phase,
       CASE WHEN p.blocks_total > 0 THEN (100.0 * p.blocks_done / p.blocks_total)::float8 END AS pct, p.lockers_total, p.lockers_done, p.current_locker_pid AS blocker, a.usename AS blocker_user
FROM pg_stat_progress_create_index p LEFT JOIN pg_stat_activity a ON a.pid = p.current_locker_pid WHERE p.datname = current_database() ORDER BY p.pid;
