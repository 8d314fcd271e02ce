-- params: $1 text table, '' for the database | with all its parts | bytes is NULL if there is no such table; its size waits behind whoever locks it | priv: CONNECT
WITH RECURSIVE parts(oid) AS (SELECT to_regclass(NULLIF($1, ''))::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid)
SELECT CASE WHEN $1 = '' THEN pg_database_size(current_database()) ELSE (SELECT sum(pg_total_relation_size(p.oid))::bigint FROM parts p) END AS bytes,
       $1 = '' OR EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = to_regclass(NULLIF($1, '')) AND c.relkind IN ('r', 'p', 'm')) AS kept;
