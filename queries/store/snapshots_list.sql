SELECT project_id, number, parent, buckets, schema_version, created_at, actor, NULL AS config, sources, counts, job_id, operation, changes, retired_at, retired_by
FROM snapshots
WHERE project_id = $1 AND ($2 IS NULL OR number < $2)
ORDER BY number DESC
LIMIT $3
