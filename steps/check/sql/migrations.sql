-- params: $1 text[] names found in the release's migration files
-- pre-migration: state='pending' rows = the plan; post-migration pass: 0 'pending'. 'unknown' (in DB, not in release) = WARN: rolled-back code or wrong release. 'out_of_order' = FAIL
WITH code AS (SELECT name, ord FROM unnest($1::text[]) WITH ORDINALITY AS c(name, ord)),
     db AS (SELECT id, "timestamp", name FROM public.migrations)
SELECT COALESCE(code.name, db.name) AS name, db.id,
       CASE WHEN db.name IS NULL AND COALESCE(NULLIF(substring(code.name from '([0-9]{13,16})$'), ''), '0')::bigint < (SELECT max("timestamp") FROM db) THEN 'out_of_order'
            WHEN db.name IS NULL THEN 'pending' WHEN code.name IS NULL THEN 'unknown' ELSE 'applied' END AS state
FROM code FULL JOIN db USING (name) ORDER BY COALESCE(code.ord, 0), db.id;
