-- params: none | WARN on rows | priv: any
SELECT c.conrelid::regclass::text AS "table", c.conname AS fk, c.confrelid::regclass::text AS refs,
       (SELECT string_agg(a.attname, ',' ORDER BY k.ord) FROM unnest(c.conkey) WITH ORDINALITY k(att, ord) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.att) AS columns
FROM pg_constraint c WHERE c.contype = 'f' AND NOT EXISTS (
  SELECT 1 FROM pg_index x WHERE x.indrelid = c.conrelid AND x.indisvalid AND x.indpred IS NULL
     AND (x.indkey::int2[])[0:cardinality(c.conkey)-1] @> c.conkey AND c.conkey @> (x.indkey::int2[])[0:cardinality(c.conkey)-1]) ORDER BY 1,2;
