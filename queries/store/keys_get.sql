SELECT id, workspace_id, name, prefix, secret_hash, role, scopes, created_at, expires_at, revoked_at, last_used_at FROM keys WHERE workspace_id = $1 AND id = $2
