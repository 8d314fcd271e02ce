-- params: $1 text qualified table (TypeORM default 'public.migrations') | NULL = table absent (all pending) | priv: any
SELECT to_regclass($1)::text AS migrations_table, has_table_privilege(current_user, to_regclass($1), 'SELECT') AS readable;
