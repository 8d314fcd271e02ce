-- params: $1 text schema | pass: 1 row; fail: 0 rows | priv: any
SELECT n.nspname AS schema, pg_get_userbyid(n.nspowner) AS owner,
       (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r','p')) AS tables
FROM pg_namespace n WHERE n.nspname = $1;
