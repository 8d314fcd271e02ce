-- params: $1 role, $2 schema | pass: usage and not create and not public_create
SELECT has_schema_privilege($1::name, $2::name::text, 'USAGE') AS usage, has_schema_privilege($1::name, $2::name::text, 'CREATE') AS "create",
       (SELECT bool_or(a.grantee = 0 AND a.privilege_type = 'CREATE') FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'public') AS public_create;
