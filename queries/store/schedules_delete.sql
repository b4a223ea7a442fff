DELETE FROM schedules WHERE workspace_id = $1 AND id = $2
