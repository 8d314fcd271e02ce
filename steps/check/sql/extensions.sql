-- params: $1 text[] names | pass: installed, or available and this role may create it | priv: any
SELECT e.name, x.extversion AS installed, a.default_version AS available,
       COALESCE((SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR ((v.trusted OR NOT v.superuser) AND has_database_privilege(current_database(), 'CREATE')), false) AS may_create
FROM unnest($1::text[]) WITH ORDINALITY AS e(name, ord) LEFT JOIN pg_extension x ON x.extname = e.name
LEFT JOIN pg_available_extensions a ON a.name = e.name LEFT JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version ORDER BY e.ord;
