SELECT s.project_id, s.number, s.parent, s.buckets, s.schema_version, s.created_at, s.actor, s.config, s.sources, s.counts, s.job_id, s.operation, s.changes, s.retired_at, s.retired_by
FROM snapshots s
JOIN projects p ON p.id = s.project_id AND p.latest_snapshot = s.number
WHERE s.project_id = $1
