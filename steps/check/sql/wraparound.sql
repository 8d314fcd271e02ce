-- params: none | pass: both ages far below 2^31, where the server stops. Every database counts, template0 too | priv: any
SELECT datname AS db, age(datfrozenxid)::bigint AS xid_age, mxid_age(datminmxid)::bigint AS mxid_age, current_setting('autovacuum_freeze_max_age') AS freeze_max
FROM pg_database ORDER BY GREATEST(age(datfrozenxid), mxid_age(datminmxid)) DESC;
