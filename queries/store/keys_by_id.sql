SELECT id, workspace_id, name, prefix, secret_hash, role, scopes, created_at, expires_at, revoked_at, last_used_at FROM keys WHERE id = $1
