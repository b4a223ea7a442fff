SELECT id, workspace_id, name, created_at, latest_snapshot
FROM projects
WHERE workspace_id = $1 AND ($2 IS NULL OR name > $2)
ORDER BY name
LIMIT $3
