-- params: $1 text[] ids that were there before | what stands in no schema, and what of a schema is no table, view, function or type | priv: any (catalog only). What an extension brought is its own.
SELECT o.class::oid || ' ' || o.oid AS id, i.type AS kind, i.identity AS name, format('DROP %s IF EXISTS %s CASCADE', replace(i.type, '-', ' '), i.identity) AS statement FROM (
  SELECT 'pg_event_trigger'::regclass AS class, oid, 1 AS ord FROM pg_event_trigger
  UNION ALL SELECT 'pg_publication', oid, 2 FROM pg_publication
  UNION ALL SELECT 'pg_foreign_data_wrapper', oid, 2 FROM pg_foreign_data_wrapper
  UNION ALL SELECT 'pg_cast', oid, 2 FROM pg_cast
  UNION ALL SELECT 'pg_operator', oid, 3 FROM pg_operator
  UNION ALL SELECT 'pg_opclass', oid, 4 FROM pg_opclass
  UNION ALL SELECT 'pg_opfamily', oid, 5 FROM pg_opfamily
  UNION ALL SELECT 'pg_ts_config', oid, 3 FROM pg_ts_config
  UNION ALL SELECT 'pg_ts_dict', oid, 4 FROM pg_ts_dict
  UNION ALL SELECT 'pg_ts_template', oid, 5 FROM pg_ts_template
  UNION ALL SELECT 'pg_ts_parser', oid, 5 FROM pg_ts_parser
  UNION ALL SELECT 'pg_collation', oid, 5 FROM pg_collation
  UNION ALL SELECT 'pg_conversion', oid, 5 FROM pg_conversion
  UNION ALL SELECT 'pg_am', oid, 6 FROM pg_am
  UNION ALL SELECT 'pg_language', oid, 6 FROM pg_language
  UNION ALL SELECT 'pg_subscription', oid, 7 FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())) o
CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, 0) i
WHERE o.oid >= 16384 AND o.class::oid || ' ' || o.oid <> ALL (coalesce($1::text[], '{}')) AND coalesce(i.schema, '') NOT IN ('pg_catalog', 'information_schema')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
ORDER BY o.ord, 1 LIMIT 1000;
