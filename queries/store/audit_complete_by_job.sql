UPDATE audit SET finished_at = $2, outcome = $3 WHERE job_id = $1 AND finished_at IS NULL
