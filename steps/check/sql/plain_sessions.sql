-- params: $1 role ('' = all) | pass: plain = 0 | priv: pg_monitor (else client_addr/ssl are NULL for others' sessions)
SELECT a.usename AS "user", count(*) AS sessions, count(*) FILTER (WHERE s.ssl) AS encrypted,
       count(*) FILTER (WHERE s.ssl IS FALSE AND a.client_addr IS NOT NULL AND NOT (a.client_addr <<= '127.0.0.0/8' OR a.client_addr = '::1')) AS plain_remote,
       count(*) FILTER (WHERE s.ssl IS FALSE AND a.client_addr IS NOT NULL) AS plain_tcp,
       count(*) FILTER (WHERE s.ssl IS NULL) AS unknown
FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s ON s.pid = a.pid
WHERE a.backend_type IN ('client backend', 'walsender') AND ($1::text = '' OR a.usename = $1::text) GROUP BY 1 ORDER BY 1;
