SELECT id, workspace_id, project_id, kind, payload, cron, actor, created_at, next_at
FROM schedules
WHERE next_at <= $1
ORDER BY next_at, id
LIMIT $2
