INSERT INTO reports (project_id, snapshot, kind, params_hash, figure_version, path, created_at)
SELECT project_id, number, $3, $4, $5, $6, $7
FROM snapshots
WHERE project_id = $1 AND number = $2 AND retired_at IS NULL
ON CONFLICT (project_id, snapshot, kind, params_hash, figure_version) DO UPDATE SET path = excluded.path, created_at = excluded.created_at
