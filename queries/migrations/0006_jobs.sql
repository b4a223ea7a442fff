-- Jobs of every kind: how urgent they are, whose turn it is, and schedules that make them. Columns and tables are only added: a process of the
-- version before goes on queueing and claiming beside this one.

-- 0 somebody waits for it (import), 1 report, 2 upkeep.
ALTER TABLE jobs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 2);
-- The schedule that queued it, and the time for which it did.
ALTER TABLE jobs ADD COLUMN schedule_id TEXT;
ALTER TABLE jobs ADD COLUMN due_at BIGINT;
CREATE UNIQUE INDEX jobs_of_schedule ON jobs (schedule_id, due_at);
CREATE INDEX jobs_waiting ON jobs (workspace_id, priority, run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_state ON jobs (workspace_id, state, id);

-- When a workspace last had a job claimed: the one whose turn is longest ago is next.
CREATE TABLE job_turns (
    workspace_id TEXT   PRIMARY KEY REFERENCES workspaces (id),
    claimed_at   BIGINT NOT NULL
);

CREATE TABLE schedules (
    id           TEXT   PRIMARY KEY,
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    project_id   TEXT   NOT NULL REFERENCES projects (id),
    kind         TEXT   NOT NULL,
    payload      TEXT   NOT NULL,
    cron         TEXT   NOT NULL, -- five fields, UTC
    actor        TEXT   NOT NULL, -- who made it
    created_at   BIGINT NOT NULL,
    next_at      BIGINT NOT NULL  -- who enqueues compares and swaps it
);
CREATE INDEX schedules_due ON schedules (next_at, id);
CREATE INDEX schedules_by_project ON schedules (workspace_id, project_id, id);
