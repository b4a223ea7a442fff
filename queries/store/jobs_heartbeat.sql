UPDATE jobs
SET lease_until = $4, progress = COALESCE($5, progress)
WHERE id = $1 AND lease_owner = $2 AND attempts = $3 AND state = 'running'
RETURNING cancel_requested
