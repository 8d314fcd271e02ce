-- params: $1 int limit | whose frozen ids are the oldest of this database | priv: any
SELECT n.nspname || '.' || c.relname AS "table", age(c.relfrozenxid)::bigint AS xid_age, mxid_age(c.relminmxid)::bigint AS mxid_age
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 't') AND c.relfrozenxid <> '0' ORDER BY GREATEST(age(c.relfrozenxid), mxid_age(c.relminmxid)) DESC, 1 LIMIT $1::int;
