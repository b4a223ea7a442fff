SELECT method_path, request_hash, job_id, status, body, created_at
FROM idempotency
WHERE workspace_id = $1 AND key = $2 AND created_at > $3
