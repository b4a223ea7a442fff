INSERT INTO idempotency (workspace_id, key, method_path, request_hash, job_id, status, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (workspace_id, key) DO NOTHING
