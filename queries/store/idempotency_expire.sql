DELETE FROM idempotency WHERE workspace_id = $1 AND created_at <= $2
