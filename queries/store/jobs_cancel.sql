UPDATE jobs
SET cancel_requested = TRUE,
    state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
    payload = CASE WHEN state = 'queued' AND kind = 'erase' THEN 'null' ELSE payload END,
    finished_at = CASE WHEN state = 'queued' THEN $3 ELSE finished_at END
WHERE workspace_id = $1 AND id = $2 AND state IN ('queued', 'running')
RETURNING id, workspace_id, project_id, kind, payload, state, progress, result, error, attempts, max_attempts, run_at, lease_owner, lease_until, cancel_requested, created_at, finished_at, priority, schedule_id
