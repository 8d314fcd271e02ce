-- params: none | pass: ssl and version in ('TLSv1.2','TLSv1.3') | priv: any. FALSE through a pooler means pooler->server leg only
SELECT s.ssl, s.version, s.cipher, s.bits, current_setting('ssl')::bool AS server_ssl_on FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid();
