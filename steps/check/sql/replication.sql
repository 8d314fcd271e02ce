-- who reads changes by a logical slot is no standby | pass: every expected standby streaming and replay_lag_bytes < limit | priv: pg_monitor
SELECT application_name AS standby, host(client_addr) AS addr, state, sync_state, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint AS replay_lag_bytes,
       EXTRACT(EPOCH FROM replay_lag)::float8 AS replay_lag_s, EXTRACT(EPOCH FROM now() - reply_time)::float8 AS last_reply_s FROM pg_stat_replication r
WHERE NOT EXISTS (SELECT 1 FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical') ORDER BY 1;
