-- login roles that are superuser/bypassrls; pass: subset of allow-list $1 text[] | priv: any
SELECT r.rolname AS role, r.rolsuper AS superuser, r.rolbypassrls AS bypassrls FROM pg_roles r WHERE r.rolcanlogin AND (r.rolsuper OR r.rolbypassrls OR EXISTS (SELECT 1 FROM pg_roles g WHERE g.rolsuper AND pg_has_role(r.oid,g.oid,'MEMBER'))) AND r.rolname <> ALL($1::text[]) ORDER BY 1;
