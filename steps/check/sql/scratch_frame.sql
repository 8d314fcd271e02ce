-- params: none | evidence: what an empty database has and keeps | priv: any
SELECT 'extension' AS kind, extname::text AS name FROM pg_extension
UNION ALL SELECT 'schema', nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1, 2;
