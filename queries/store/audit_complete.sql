UPDATE audit SET finished_at = $3, outcome = $4 WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL
