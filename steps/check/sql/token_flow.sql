-- email verification flow / password reset usage: issued, used, expired unused, median minutes to use | params: $1 interval text window
SELECT token_type, count(*) AS issued, count(used_at) AS used, count(*) FILTER (WHERE used_at IS NULL AND expires_at < (now() AT TIME ZONE 'UTC')) AS expired_unused, (100.0*count(used_at)/count(*))::float8 AS used_pct,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM used_at - created_at)/60.0)::float8 AS median_min FROM users.verification_tokens WHERE created_at >= (now() AT TIME ZONE 'UTC') - $1::text::interval GROUP BY 1 ORDER BY 1;
