-- params: none | pass: the last run of each active job did not fail, and one succeeded lately | priv: SELECT on both; a row is seen by its job's role alone
SELECT j.jobid, j.jobname::text AS jobname, j.schedule::text AS schedule,
       (SELECT d.status::text FROM cron.job_run_details d WHERE d.jobid = j.jobid AND d.status IN ('succeeded','failed') ORDER BY d.start_time DESC NULLS LAST LIMIT 1) AS status,
       (SELECT EXTRACT(EPOCH FROM now() - max(d.end_time))::float8 FROM cron.job_run_details d WHERE d.jobid = j.jobid AND d.status = 'succeeded') AS success_age_s
FROM cron.job j WHERE j.active ORDER BY j.jobid;
