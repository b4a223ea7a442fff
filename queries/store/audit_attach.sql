UPDATE audit SET job_id = $3 WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL
