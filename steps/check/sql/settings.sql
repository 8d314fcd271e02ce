-- params: $1 text[] names, $2 text role, '' for the session's own | value: what a new session of the role has; reset_val, as what we have set ourselves is no part of it. NULL: our own role's setting hides it
-- priv: any; without pg_read_all_settings some names have no row (sees_all tells)
WITH given AS (SELECT s.setrole, lower(split_part(cfg, '=', 1)) AS name, substr(cfg, strpos(cfg, '=') + 1) AS value, s.setdatabase <> 0 AS here
  FROM pg_db_role_setting s, unnest(s.setconfig) cfg WHERE s.setrole <> 0 AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
SELECT n.name, s.name IS NOT NULL AS seen, pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS sees_all, s.unit, s.vartype, s.pending_restart,
       CASE WHEN $2 IN ('', session_user::text) THEN s.reset_val
            ELSE COALESCE((SELECT g.value FROM given g WHERE g.name = lower(n.name) AND g.setrole = to_regrole(quote_ident($2)) ORDER BY g.here DESC LIMIT 1),
                          CASE WHEN NOT EXISTS (SELECT 1 FROM given g WHERE g.name = lower(n.name) AND g.setrole = to_regrole(quote_ident(session_user::text))) THEN s.reset_val END) END AS value
FROM unnest($1::text[]) WITH ORDINALITY AS n(name, ord) LEFT JOIN pg_settings s ON lower(s.name) = lower(n.name) ORDER BY n.ord;
