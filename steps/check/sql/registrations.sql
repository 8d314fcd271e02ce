-- registrations per hour vs same hour-of-week baseline | priv: SELECT
SELECT date_trunc('hour', created_at) AS bucket, count(*) AS n, count(*) FILTER (WHERE email_verified) AS verified FROM users.users WHERE created_at >= (now() AT TIME ZONE 'UTC') - interval '7 days' GROUP BY 1 ORDER BY 1;
