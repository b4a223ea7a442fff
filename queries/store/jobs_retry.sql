UPDATE jobs
SET state = 'queued', error = $4, run_at = $5, lease_owner = NULL, lease_until = NULL
WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running'
  AND attempts < max_attempts AND NOT cancel_requested
