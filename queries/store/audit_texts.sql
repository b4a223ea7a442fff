SELECT id, target, outcome, job_id FROM audit WHERE workspace_id = $1 ORDER BY id
