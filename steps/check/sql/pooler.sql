-- params: none | pooled = another process than the one that greeted us: PgBouncer and its like make up theirs | priv: any. Ports and addresses tell nothing where they are translated, or are the same
SELECT pg_backend_pid() AS backend_pid;
