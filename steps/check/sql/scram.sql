-- params: none | pass: every password is kept as a SCRAM verifier. A role without one can't log in by password | priv: SUPERUSER (pg_authid) else UNKNOWN
SELECT rolname AS role, CASE WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram' WHEN rolpassword LIKE 'md5%' THEN 'md5' WHEN rolpassword IS NULL THEN 'none' ELSE 'other' END AS hash,
       current_setting('password_encryption') AS new_ones FROM pg_authid WHERE rolcanlogin ORDER BY 1;
