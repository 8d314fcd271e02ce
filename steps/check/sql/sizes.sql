-- params: $1 text table, '' for the database | bytes is NULL if there is no such table; its size waits behind whoever locks it | priv: CONNECT
SELECT CASE WHEN $1 = '' THEN pg_database_size(current_database()) ELSE pg_total_relation_size(to_regclass($1)) END AS bytes;
