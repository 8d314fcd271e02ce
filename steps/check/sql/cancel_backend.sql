-- params: $1 text application name, $2 int pid | no check: a person asked for it | priv: the session's own role, or pg_signal_backend (else 42501)
-- Whose session it is decides the statement that cancels: between a look and this the pid may have become somebody else's.
SELECT pg_cancel_backend(a.pid) AS sent FROM pg_stat_activity a WHERE a.pid = $2::int AND a.application_name = $1::text AND a.pid <> pg_backend_pid();
