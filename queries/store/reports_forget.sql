DELETE FROM reports WHERE project_id = $1 AND snapshot = $2
