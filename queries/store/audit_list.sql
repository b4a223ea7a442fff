SELECT id, workspace_id, actor, action, target, request_id, job_id, started_at, finished_at, outcome
FROM audit
WHERE workspace_id = $1
  AND ($2 IS NULL OR id < $2)
  AND ($3 IS NULL OR actor = $3)
  AND ($4 IS NULL OR action = $4)
  AND ($5 IS NULL OR started_at >= $5)
  AND ($6 IS NULL OR started_at < $6)
ORDER BY id DESC
LIMIT $7
