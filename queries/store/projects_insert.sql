INSERT INTO projects (id, workspace_id, name, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, name) DO NOTHING
RETURNING id, workspace_id, name, created_at, latest_snapshot
