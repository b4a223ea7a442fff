UPDATE projects SET latest_snapshot = $2 WHERE id = $1 AND latest_snapshot = $3
