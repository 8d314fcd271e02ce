-- pass: in_recovery and receiver='streaming' and lag_s < limit | priv: pg_monitor for receiver status
SELECT pg_is_in_recovery() AS in_recovery, pg_last_wal_receive_lsn()::text AS received, pg_last_wal_replay_lsn()::text AS replayed,
       CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 ELSE EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp()) END::float8 AS lag_s,
       (SELECT status FROM pg_stat_wal_receiver) AS receiver, (SELECT EXTRACT(EPOCH FROM now() - last_msg_receipt_time)::float8 FROM pg_stat_wal_receiver) AS last_msg_s,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS paused;
