-- params: $1 text datname | pass: pct < 70 warn / 85 fail; also active+idle vs role/db limits | priv: any (backend_type of others is NULL without pg_monitor, hence the OR)
SELECT count(*) FILTER (WHERE a.backend_type = 'client backend' OR (a.backend_type IS NULL AND a.datid IS NOT NULL)) AS used_cluster, count(*) FILTER (WHERE a.datname = $1) AS used_db,
       count(*) FILTER (WHERE a.datname = $1 AND a.state = 'active') AS active, count(*) FILTER (WHERE a.datname = $1 AND a.state LIKE 'idle in transaction%') AS idle_in_tx,
       current_setting('max_connections')::int AS max_connections, current_setting('superuser_reserved_connections')::int + COALESCE(current_setting('reserved_connections', true), '0')::int AS reserved,
       round(100.0 * count(*) FILTER (WHERE a.backend_type = 'client backend' OR (a.backend_type IS NULL AND a.datid IS NOT NULL))
         / (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - COALESCE(current_setting('reserved_connections', true), '0')::int), 1)::float8 AS pct,
       (SELECT datconnlimit FROM pg_database WHERE datname = $1) AS db_limit
FROM pg_stat_activity a;
