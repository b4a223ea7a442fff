SELECT project_id, number, parent, buckets, schema_version, created_at, actor, config, sources, counts, job_id, operation, changes, retired_at, retired_by
FROM snapshots
WHERE project_id = $1 AND NOT copied
ORDER BY number
