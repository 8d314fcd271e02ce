-- pass: installed and preloaded; else UNKNOWN
SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname='pg_stat_statements') AS installed,
       (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname='pg_stat_statements') AS schema,
       COALESCE(current_setting('pg_stat_statements.max', true), '') <> '' AS preloaded, current_setting('pg_stat_statements.track', true) AS track;
