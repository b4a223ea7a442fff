SELECT id, workspace_id, project_id, kind, payload, state, progress, result, error, attempts, max_attempts, run_at, lease_owner, lease_until, cancel_requested, created_at, finished_at, priority, schedule_id
FROM jobs
WHERE workspace_id = $1 AND ($2 IS NULL OR project_id = $2) AND ($3 IS NULL OR id < $3) AND state = $5
ORDER BY id DESC
LIMIT $4
