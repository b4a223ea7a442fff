INSERT INTO memberships (workspace_id, user_id, role, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, user_id) DO NOTHING
