SELECT snapshot, path FROM reports WHERE project_id = $1 ORDER BY path
