-- params: $1 text schema, '' for all | pct of what it may still give out: an int4 column is full at 2147483647 whatever its sequence's maximum. One that cycles never ends | priv: SELECT or USAGE on each, else readable is false
SELECT n.nspname AS schema, c.relname AS seq, v.readable, v.last_value::text AS last_value, l.most::text AS limit_value, COALESCE(u.column_name, '') AS column_name,
       CASE WHEN v.last_value IS NULL THEN 0 WHEN q.seqincrement > 0 THEN (100.0 * (v.last_value::numeric - q.seqmin + 1) / (l.most::numeric - q.seqmin + 1))::float8
            ELSE (100.0 * (q.seqmax::numeric - v.last_value + 1) / (q.seqmax::numeric - l.most + 1))::float8 END AS pct
FROM pg_sequence q JOIN pg_class c ON c.oid = q.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT has_sequence_privilege(c.oid, 'SELECT,USAGE') AS readable, CASE WHEN has_sequence_privilege(c.oid, 'SELECT,USAGE') THEN pg_sequence_last_value(c.oid) END AS last_value) v
LEFT JOIN LATERAL (
  SELECT a.attrelid::regclass::text || '.' || a.attname AS column_name, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 ELSE 9223372036854775807 END AS most
  FROM (SELECT refobjid AS tab, refobjsubid AS col FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
        UNION SELECT d.adrelid, d.adnum FROM pg_depend p JOIN pg_attrdef d ON d.oid = p.objid WHERE p.classid = 'pg_attrdef'::regclass AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid) o
  JOIN pg_attribute a ON a.attrelid = o.tab AND a.attnum = o.col ORDER BY most, 1 LIMIT 1) u ON true
CROSS JOIN LATERAL (SELECT CASE WHEN q.seqincrement > 0 THEN LEAST(q.seqmax, u.most) ELSE GREATEST(q.seqmin, -u.most - 1) END AS most) l
WHERE NOT q.seqcycle AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND $1 IN ('', n.nspname::text) ORDER BY v.readable, pct DESC, 1, 2;
