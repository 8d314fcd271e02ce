-- params: none | pass: 0 rows with in_progress=false | priv: any (in_progress needs pg_monitor)
SELECT n.nspname AS schema, t.relname AS "table", i.relname AS index, x.indisvalid AS valid, x.indisready AS ready,
       pg_get_indexdef(i.oid) AS definition, EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid) AS in_progress
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE (NOT x.indisvalid OR NOT x.indisready) AND n.nspname NOT IN ('pg_catalog','information_schema','pg_toast') ORDER BY 1,2,3;
