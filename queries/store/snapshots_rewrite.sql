UPDATE snapshots SET sources = $3, config = $4, copied = FALSE WHERE project_id = $1 AND number = $2
