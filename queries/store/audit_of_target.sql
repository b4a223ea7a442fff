SELECT id, workspace_id, actor, action, target, request_id, job_id, started_at, finished_at, outcome
FROM audit
WHERE workspace_id = $1 AND target = $2
ORDER BY id
