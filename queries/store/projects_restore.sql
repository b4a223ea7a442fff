INSERT INTO projects (id, workspace_id, name, created_at, latest_snapshot) VALUES ($1, $2, $3, $4, $5)
