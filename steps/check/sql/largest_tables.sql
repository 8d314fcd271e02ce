-- params: $1 int limit | with indexes and TOAST, by the pages that the last VACUUM or ANALYZE counted: this waits behind no lock | priv: any
SELECT n.nspname || '.' || c.relname AS "table", c.reltuples::bigint AS est_rows, current_setting('block_size')::bigint * (c.relpages
  + COALESCE((SELECT sum(i.relpages) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid), 0)
  + COALESCE((SELECT t.relpages + COALESCE((SELECT sum(i.relpages) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = t.oid), 0) FROM pg_class t WHERE t.oid = c.reltoastrelid), 0))::bigint AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' ORDER BY bytes DESC, 1 LIMIT $1::int;
