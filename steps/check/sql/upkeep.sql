-- params: none | whether tuples are counted and cleaned at all | priv: any
SELECT current_setting('track_counts') AS track_counts, current_setting('autovacuum') AS autovacuum, pg_is_in_recovery() AS is_standby;
