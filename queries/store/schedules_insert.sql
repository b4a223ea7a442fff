INSERT INTO schedules (id, workspace_id, project_id, kind, payload, cron, actor, created_at, next_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
