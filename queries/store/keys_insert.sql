INSERT INTO keys (id, workspace_id, name, prefix, secret_hash, role, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING id, workspace_id, name, prefix, secret_hash, role, scopes, created_at, expires_at, revoked_at, last_used_at
