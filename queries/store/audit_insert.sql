INSERT INTO audit (id, workspace_id, actor, action, target, request_id, started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
