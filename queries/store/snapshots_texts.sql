SELECT number, sources, config FROM snapshots WHERE project_id = $1 ORDER BY number
