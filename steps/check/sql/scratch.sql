-- params: none | pass: 0 rows: the database holds nothing of a user | priv: any (catalog only). What an extension brought is its own.
SELECT o.kind, o.name FROM (
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' ELSE 'table' END AS kind, n.nspname || '.' || c.relname AS name, 'pg_class'::regclass AS class, c.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','S','f') AND n.nspname NOT IN ('pg_catalog','information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  UNION ALL SELECT 'function', n.nspname || '.' || p.proname, 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname NOT IN ('pg_catalog','information_schema')
  UNION ALL SELECT 'type', n.nspname || '.' || t.typname, 'pg_type'::regclass, t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE n.nspname NOT IN ('pg_catalog','information_schema') AND (t.typtype IN ('d','e','r') OR t.typtype = 'c' AND c.relkind = 'c')
  UNION ALL SELECT 'large object', l.oid::text, 'pg_largeobject'::regclass, l.oid FROM pg_largeobject_metadata l) o
WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
ORDER BY 1 DESC, 2 LIMIT 10;
