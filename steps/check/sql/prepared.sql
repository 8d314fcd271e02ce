-- params: none | pass: 0 rows (a forgotten 2PC holds locks and shows in no pg_stat_activity row; its locks have pid NULL) | priv: any
SELECT gid, owner, database, EXTRACT(EPOCH FROM now() - prepared)::float8 AS age_s FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared;
