DELETE FROM idempotency WHERE workspace_id = $1 AND key = $2
