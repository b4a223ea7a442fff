SELECT id, workspace_id, project_id, kind, payload, state, progress, result, error, attempts, max_attempts, run_at, lease_owner, lease_until, cancel_requested, created_at, finished_at, priority, schedule_id
FROM jobs
WHERE state IN ('queued', 'running')
ORDER BY id
