UPDATE idempotency SET body = $3 WHERE workspace_id = $1 AND key = $2
