-- params: $1 role, $2 schema | pass: usage and not create and not public_create
SELECT has_schema_privilege($1::name, $2::name::text, 'USAGE') AS usage, EXISTS (SELECT 1 FROM pg_roles g WHERE pg_has_role($1::name, g.oid, 'MEMBER') AND has_schema_privilege(g.oid, $2::name::text, 'CREATE')) AS "create",
       (SELECT bool_or(a.grantee = 0 AND a.privilege_type = 'CREATE') FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'public') AS public_create;
