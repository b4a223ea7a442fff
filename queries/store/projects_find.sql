SELECT id, workspace_id, name, created_at, latest_snapshot
FROM projects
WHERE workspace_id = $1 AND (id = $2 OR name = $2)
ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END
LIMIT 1
