-- params: none | pass: oldest_expired_days <= limit | priv: SELECT. The session's time zone is UTC
SELECT count(*) FILTER (WHERE expires_at < (now() AT TIME ZONE 'UTC')) AS expired_rows, EXTRACT(EPOCH FROM (now() AT TIME ZONE 'UTC') - min(expires_at))::float8/86400 AS oldest_expired_days FROM users.verification_tokens;
