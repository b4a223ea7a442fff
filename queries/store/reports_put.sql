INSERT INTO reports (project_id, snapshot, kind, params_hash, figure_version, path, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (project_id, snapshot, kind, params_hash, figure_version) DO UPDATE SET path = excluded.path, created_at = excluded.created_at
