SELECT key, body FROM idempotency WHERE workspace_id = $1 ORDER BY key
