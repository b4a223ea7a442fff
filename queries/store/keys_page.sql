SELECT id, workspace_id, name, prefix, secret_hash, role, scopes, created_at, expires_at, revoked_at, last_used_at
FROM keys
WHERE workspace_id = $1 AND ($2 IS NULL OR created_at < $2 OR (created_at = $2 AND id < $3))
ORDER BY created_at DESC, id DESC
LIMIT $4
