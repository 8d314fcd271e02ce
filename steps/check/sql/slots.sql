-- pass: no inactive slot retaining > limit; wal_status not in ('unreserved','lost') | priv: any
SELECT slot_name, slot_type, active, wal_status, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, restart_lsn)::bigint AS retained_bytes, safe_wal_size FROM pg_replication_slots ORDER BY retained_bytes DESC NULLS LAST;
