-- params: $1 role, $2 schema, $3 text[] required privileges, $4 text[] forbidden privileges
-- a member of a role may become it, also where it inherits nothing
-- pass: every row missing='' and excess='' and owned=false | priv: any (catalog only)
SELECT c.relname AS "table",
       COALESCE((SELECT string_agg(p, ',') FROM unnest($3::text[]) p WHERE NOT has_table_privilege($1::name, c.oid, p)), '') AS missing,
       COALESCE((SELECT string_agg(p, ',') FROM unnest($4::text[]) p WHERE EXISTS (SELECT 1 FROM pg_roles g WHERE pg_has_role($1::name, g.oid, 'MEMBER') AND has_table_privilege(g.oid, c.oid, p))), '') AS excess,
       pg_has_role($1::name, c.relowner, 'MEMBER') AS owned, pg_get_userbyid(c.relowner) AS owner
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $2 AND c.relkind IN ('r','p') ORDER BY 1;
