SELECT path FROM reports
WHERE project_id = $1 AND snapshot = $2 AND kind = $3 AND params_hash = $4 AND figure_version = $5
