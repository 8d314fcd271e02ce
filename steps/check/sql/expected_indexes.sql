-- params: $1 text[] of 'schema.index' | pass: every row present and valid | priv: any
SELECT e.name AS expected, i.oid IS NOT NULL AS present, COALESCE(x.indisvalid AND x.indisready, false) AS valid, pg_get_indexdef(i.oid) AS definition
FROM unnest($1::text[]) WITH ORDINALITY AS e(name, ord)
LEFT JOIN pg_class i ON i.oid = to_regclass(e.name) AND i.relkind IN ('i','I')
LEFT JOIN pg_index x ON x.indexrelid = i.oid ORDER BY e.ord;
