-- evidence | params: none | pool sizing: sessions per (user, application_name, client_addr) vs DB_POOL_MAX x replicas; role conn limit
SELECT a.usename AS "user", a.application_name AS app, host(a.client_addr) AS client, count(*) AS sessions, count(*) FILTER (WHERE a.state='active') AS active,
       max(EXTRACT(EPOCH FROM now() - a.backend_start))::bigint AS oldest_s, r.rolconnlimit AS role_limit
FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename WHERE a.backend_type = 'client backend' GROUP BY 1,2,3,r.rolconnlimit ORDER BY sessions DESC, 1;
