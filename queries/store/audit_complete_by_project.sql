UPDATE audit SET finished_at = $3, outcome = $4
WHERE id = $2 AND finished_at IS NULL AND workspace_id = (SELECT workspace_id FROM projects WHERE id = $1)
