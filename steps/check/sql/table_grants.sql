-- params: $1 role, $2 schema, $3 text[] required privileges, $4 text[] forbidden privileges
-- pass: every row missing='' and excess='' and owned=false | priv: any (catalog only)
SELECT c.relname AS "table",
       COALESCE((SELECT string_agg(p, ',') FROM unnest($3::text[]) p WHERE NOT has_table_privilege($1::name, c.oid, p)), '') AS missing,
       COALESCE((SELECT string_agg(p, ',') FROM unnest($4::text[]) p WHERE has_table_privilege($1::name, c.oid, p)), '') AS excess,
       pg_get_userbyid(c.relowner) = $1 AS owned
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $2 AND c.relkind IN ('r','p') ORDER BY 1;
