SELECT m.user_id, u.email, u.name, m.role, m.created_at, u.disabled_at
FROM memberships m
JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = $1 AND m.user_id = $2
