UPDATE files SET removed_in = $3 WHERE project_id = $1 AND id = $2 AND removed_in IS NULL
