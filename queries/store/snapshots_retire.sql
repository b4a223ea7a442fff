UPDATE snapshots SET retired_at = $3, retired_by = $4, copied = FALSE
WHERE project_id = $1 AND number = $2 AND retired_at IS NULL
  AND number < (SELECT latest_snapshot FROM projects WHERE id = $1)
