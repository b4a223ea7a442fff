UPDATE audit SET target = $3, outcome = $4 WHERE workspace_id = $1 AND id = $2
