SELECT id, payload FROM schedules WHERE project_id = $1 ORDER BY id
