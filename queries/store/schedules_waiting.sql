SELECT id FROM jobs WHERE schedule_id = $1 AND state = 'queued' LIMIT 1
