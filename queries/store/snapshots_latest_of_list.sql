SELECT s.project_id, s.number, s.parent, s.buckets, s.schema_version, s.created_at, s.actor, NULL AS config, s.sources, s.counts, s.job_id, s.operation, s.changes, s.retired_at, s.retired_by
FROM (
    SELECT id, latest_snapshot
    FROM projects
    WHERE workspace_id = $1 AND ($2 IS NULL OR name > $2)
    ORDER BY name
    LIMIT $3
) p
JOIN snapshots s ON s.project_id = p.id AND s.number = p.latest_snapshot
