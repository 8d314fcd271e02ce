-- pass: ready <= 10 | priv: pg_monitor (pg_ls_archive_statusdir). last_base_backup = newest *.backup.done still on disk, a lower bound only
SELECT count(*) FILTER (WHERE name LIKE '%.ready') AS ready, max(modification) FILTER (WHERE name LIKE '%.backup.done') AS last_base_backup_seen,
       EXTRACT(EPOCH FROM now() - min(modification) FILTER (WHERE name LIKE '%.ready'))::float8 AS oldest_ready_s FROM pg_ls_archive_statusdir();
