-- params: none | pass: 0 rows (no rule lets a remote client in without SSL or with trust/password/md5) | priv: SUPERUSER by default (or GRANT EXECUTE pg_hba_file_rules + SELECT) else UNKNOWN
SELECT line_number, type, database::text AS database, user_name::text AS users, address, auth_method, error
FROM pg_hba_file_rules
WHERE error IS NOT NULL OR (type IN ('host','hostnossl') AND auth_method <> 'reject' AND COALESCE(address,'') NOT IN ('127.0.0.1','::1','samehost'))
   OR (type = 'hostnossl' AND auth_method <> 'reject') OR (type <> 'local' AND auth_method IN ('trust','password','md5'));
