-- params: $1 text[] of 'schema.table', empty = all | run on the original and on the restored copy, compare row by row; rows are counted for each | priv: any (catalog only)
SELECT n.nspname::text AS schema, c.relname::text AS "table",
       md5(coalesce((SELECT string_agg(a.attname || ':' || format_type(a.atttypid, a.atttypmod) || ':' || a.attnotnull, ',' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','p') AND CASE WHEN cardinality($1::text[]) = 0 THEN n.nspname NOT IN ('pg_catalog','information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') ELSE n.nspname || '.' || c.relname = ANY ($1::text[]) END
ORDER BY 1, 2;
