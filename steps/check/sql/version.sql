-- params: none | pass: version_num >= min*10000 | priv: any. full_visibility=false => every pg_stat_activity-based check must answer UNKNOWN, never PASS
SELECT current_setting('server_version_num')::int AS version_num, current_setting('server_version') AS version,
       pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only')::bool AS session_read_only,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS full_visibility, pg_postmaster_start_time() AS started_at, current_database() AS db, session_user AS "user",
       host(inet_server_addr()) AS server_addr, inet_server_port() AS server_port;
