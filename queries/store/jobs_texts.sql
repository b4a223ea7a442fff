SELECT id, payload, progress, result, error FROM jobs WHERE project_id = $1 ORDER BY id
