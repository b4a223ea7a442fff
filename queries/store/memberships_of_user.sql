SELECT m.workspace_id, w.name, m.role
FROM memberships m
JOIN workspaces w ON w.id = m.workspace_id
WHERE m.user_id = $1
ORDER BY m.workspace_id
