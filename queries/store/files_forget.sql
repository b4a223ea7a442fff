DELETE FROM files WHERE project_id = $1 AND id = $2
