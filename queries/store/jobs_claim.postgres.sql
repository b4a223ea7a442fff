UPDATE jobs
SET state = 'running', lease_owner = $1, lease_until = $2, attempts = attempts + 1
WHERE id = (
    SELECT id FROM jobs
    WHERE ((state = 'queued' AND run_at <= $3) OR (state = 'running' AND lease_until < $3))
      AND kind IN (SELECT jsonb_array_elements_text($4::jsonb))
    ORDER BY run_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id, workspace_id, project_id, kind, payload, state, progress, result, error, attempts, max_attempts, run_at, lease_owner, lease_until, cancel_requested, created_at, finished_at
