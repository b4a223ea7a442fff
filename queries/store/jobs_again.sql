UPDATE jobs
SET state = 'queued', max_attempts = attempts + $4, run_at = $3, cancel_requested = FALSE, finished_at = NULL
WHERE workspace_id = $1 AND id = $2 AND state IN ('failed', 'cancelled')
RETURNING id, workspace_id, project_id, kind, payload, state, progress, result, error, attempts, max_attempts, run_at, lease_owner, lease_until, cancel_requested, created_at, finished_at, priority, schedule_id
