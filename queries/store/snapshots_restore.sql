INSERT INTO snapshots (project_id, number, parent, buckets, schema_version, created_at, actor, config, sources, counts, operation, changes, retired_at, retired_by, copied)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, TRUE)
