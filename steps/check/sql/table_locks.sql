-- params: $1 text[] tables the migration will alter | a row a lock of somebody else, and one without mode for a table that is free | priv: pg_monitor for the ages. Touches no user relation
SELECT t.name, to_regclass(t.name) IS NOT NULL AS present, l.mode, l.granted, COALESCE(l.pid, 0) AS pid, COALESCE(a.usename::text, a.backend_type, p.owner::text) AS "user", COALESCE(a.state, p.gid) AS state,
       EXTRACT(EPOCH FROM clock_timestamp() - COALESCE(a.xact_start, p.prepared, a.state_change))::float8 AS xact_age_s
FROM unnest($1::text[]) WITH ORDINALITY AS t(name, ord)
LEFT JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = to_regclass(t.name) AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid IS DISTINCT FROM pg_backend_pid()
LEFT JOIN pg_stat_activity a ON a.pid = l.pid LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
ORDER BY l.granted DESC, xact_age_s DESC NULLS LAST, t.ord;
