SELECT COUNT(*)
FROM memberships m
JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = $1 AND m.user_id <> $2 AND m.role = 'owner' AND u.disabled_at IS NULL
