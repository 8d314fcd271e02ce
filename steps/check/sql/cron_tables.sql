-- step 1: to_regclass('cron.job_run_details') not null | scheduled jobs running: last success age per job
SELECT to_regclass('cron.job_run_details')::text AS job_run_details, to_regclass('cron.job')::text AS job;
