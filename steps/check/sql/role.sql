-- params: $1 text role | pass: all false and member_of_dangerous IS NULL | priv: any
SELECT r.rolname AS role, r.rolsuper AS superuser, r.rolcreatedb AS createdb, r.rolcreaterole AS createrole,
       r.rolreplication AS replication, r.rolbypassrls AS bypassrls, r.rolcanlogin AS login,
       r.rolconnlimit AS conn_limit, r.rolvaliduntil AS valid_until,
       (SELECT string_agg(g.rolname, ',' ORDER BY g.rolname) FROM pg_roles g
         WHERE g.oid <> r.oid AND pg_has_role(r.oid, g.oid, 'MEMBER') AND NOT r.rolsuper
           AND (g.rolsuper OR g.rolcreaterole OR g.rolcreatedb OR g.rolbypassrls OR g.rolname IN
               ('pg_execute_server_program','pg_write_server_files','pg_read_server_files','pg_write_all_data'))) AS member_of_dangerous,
       (SELECT count(*) FROM pg_database d WHERE d.datdba = r.oid) AS owns_databases
FROM pg_roles r WHERE r.rolname = $1;
