-- params: none | evaluate DELTA(total_ms)/DELTA(calls) between two samples, not lifetime; stats_reset change => restart baseline | priv: pg_monitor/pg_read_all_stats
SELECT COALESCE(sum(s.calls),0)::bigint AS calls, COALESCE(sum(s.total_exec_time),0)::float8 AS total_ms, CASE WHEN sum(s.calls) > 0 THEN (sum(s.total_exec_time)/sum(s.calls))::float8 END AS avg_ms,
       (SELECT stats_reset FROM pg_stat_statements_info) AS stats_reset, (SELECT dealloc FROM pg_stat_statements_info) AS dealloc
FROM pg_stat_statements s WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database());
