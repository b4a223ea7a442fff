SELECT id, workspace_id, project_id, kind, payload, cron, actor, created_at, next_at
FROM schedules
WHERE workspace_id = $1 AND id = $2
