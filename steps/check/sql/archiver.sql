-- pass: archive_mode on|always AND NOT failing_now AND behind_segments <= 2 (on a quiet DB the age alone is no failure; failed_count alone neither: it never resets) | run on the primary | priv: any
SELECT current_setting('archive_mode') AS archive_mode, current_setting('archive_command') = '' AND COALESCE(current_setting('archive_library', true), '') = '' AS idle, archived_count, failed_count, last_archived_wal,
       EXTRACT(EPOCH FROM now() - last_archived_time)::float8 AS last_archived_age_s, last_failed_wal, last_failed_time,
       COALESCE(last_failed_time > COALESCE(last_archived_time, '-infinity'), false) AS failing_now,
       CASE WHEN last_archived_wal ~ '^[0-9A-F]{24}' AND NOT pg_is_in_recovery() THEN (pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint / seg.sz)
         - (('x'||substr(last_archived_wal,9,8))::bit(32)::bigint * (4294967296 / seg.sz) + ('x'||substr(last_archived_wal,17,8))::bit(32)::bigint) END AS behind_segments, stats_reset
FROM pg_stat_archiver, (SELECT setting::bigint AS sz FROM pg_settings WHERE name = 'wal_segment_size') seg;
