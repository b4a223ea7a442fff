SELECT id, workspace_id, project_id, kind, payload, cron, actor, created_at, next_at
FROM schedules
WHERE workspace_id = $1 AND ($2 IS NULL OR project_id = $2) AND ($3 IS NULL OR id > $3)
ORDER BY id
LIMIT $4
