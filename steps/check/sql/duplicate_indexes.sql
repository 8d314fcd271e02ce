-- params: none | WARN on rows | priv: any. drop_me is a non-constraint index whose key columns are an exact copy or leading prefix of keep
SELECT n.nspname AS schema, t.relname AS "table", ic.relname AS drop_me, kc.relname AS keep,
       CASE WHEN a.indkey::text = b.indkey::text THEN 'exact' ELSE 'prefix' END AS overlap, pg_relation_size(a.indexrelid) AS bytes
FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid AND a.indexrelid <> b.indexrelid
JOIN pg_class ic ON ic.oid = a.indexrelid JOIN pg_class kc ON kc.oid = b.indexrelid AND kc.relam = ic.relam
JOIN pg_class t ON t.oid = a.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname NOT IN ('pg_catalog','information_schema','pg_toast') AND a.indisvalid AND b.indisvalid
  AND a.indexprs IS NULL AND b.indexprs IS NULL AND a.indpred IS NULL AND b.indpred IS NULL
  AND NOT a.indisprimary AND NOT a.indisreplident
  AND (NOT a.indisunique OR b.indisunique AND b.indimmediate AND a.indkey::text = b.indkey::text AND a.indnkeyatts = b.indnkeyatts AND to_jsonb(a) -> 'indnullsnotdistinct' IS NOT DISTINCT FROM to_jsonb(b) -> 'indnullsnotdistinct')
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = a.indexrelid)
  AND (b.indkey::text || ' ') LIKE (a.indkey::text || ' %')
  AND (b.indclass::text || ' ') LIKE (a.indclass::text || ' %')
  AND (b.indcollation::text || ' ') LIKE (a.indcollation::text || ' %') AND (b.indoption::text || ' ') LIKE (a.indoption::text || ' %')
  AND (a.indkey::text <> b.indkey::text OR b.indisunique AND NOT a.indisunique OR a.indexrelid > b.indexrelid OR EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = b.indexrelid)) ORDER BY 1,2,3;
