UPDATE schedules SET payload = $2 WHERE id = $1
