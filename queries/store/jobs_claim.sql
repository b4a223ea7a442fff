UPDATE jobs
SET state = 'running', lease_owner = $1, lease_until = $2, attempts = attempts + 1
WHERE id = (
    SELECT next.id
    FROM (
        SELECT
            workspaces.id AS workspace_id,
            level.priority,
            COALESCE(job_turns.claimed_at, 0) AS claimed_at,
            (
                SELECT COUNT(*) FROM jobs AS busy
                WHERE busy.workspace_id = workspaces.id AND busy.state = 'running'
            ) AS running,
            (
                SELECT waiting.id FROM jobs AS waiting
                WHERE waiting.workspace_id = workspaces.id AND waiting.state = 'queued' AND waiting.priority = level.priority
                  AND waiting.run_at <= $3 AND $4 LIKE '%,' || waiting.kind || ',%'
                ORDER BY waiting.run_at, waiting.id
                LIMIT 1
            ) AS id
        FROM workspaces
        LEFT JOIN job_turns ON job_turns.workspace_id = workspaces.id
        CROSS JOIN (SELECT 0 AS priority UNION ALL SELECT 1 UNION ALL SELECT 2) AS level
    ) AS next
    WHERE next.id IS NOT NULL
    ORDER BY next.running, next.claimed_at, next.workspace_id, next.priority
    LIMIT 1
)
RETURNING id, workspace_id, project_id, kind, payload, state, progress, result, error, attempts, max_attempts, run_at, lease_owner, lease_until, cancel_requested, created_at, finished_at, priority, schedule_id
