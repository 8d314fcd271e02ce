-- WARN on rows (NOT VALID left behind by a half-done migration) | priv: any
SELECT conrelid::regclass::text AS "table", conname AS name, contype::text AS type, pg_get_constraintdef(oid) AS def FROM pg_constraint WHERE NOT convalidated AND connamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog','information_schema')) ORDER BY 1,2;
