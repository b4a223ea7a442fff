UPDATE jobs
SET state = $4, result = COALESCE($5, result), error = $6, finished_at = $7, lease_owner = NULL, lease_until = NULL,
    payload = CASE WHEN kind = 'erase' THEN 'null' ELSE payload END
WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running'
