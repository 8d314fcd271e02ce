-- params: none | pass: 0 rows (no rule lets a remote client in without SSL, or anybody with trust/password/md5) | priv: SUPERUSER by default (or GRANT EXECUTE pg_hba_file_rules + SELECT) else UNKNOWN
-- Whom an address lets in, its mask tells: 127.0.0.1/0 is everybody.
SELECT line_number, type, database::text AS database, user_name::text AS users, address, netmask, auth_method, error
FROM pg_hba_file_rules
WHERE error IS NOT NULL OR type = 'hostnossl' AND auth_method <> 'reject' OR auth_method IN ('trust','password','md5')
   OR type = 'host' AND auth_method <> 'reject' AND NOT COALESCE(address = 'samehost' OR address LIKE '127.%' AND netmask LIKE '255.%' OR address = '::1' AND netmask = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', false);
