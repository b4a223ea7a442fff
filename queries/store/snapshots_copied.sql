UPDATE snapshots SET copied = TRUE
WHERE project_id = $1 AND number = $2 AND (retired_at IS NULL) = (CAST($3 AS BIGINT) IS NULL)
