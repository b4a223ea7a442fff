-- One text for SQLite and Postgres: ids are TEXT, times BIGINT microseconds UTC, JSON is TEXT.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE workspaces (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE projects (
    id              TEXT   PRIMARY KEY,
    workspace_id    TEXT   NOT NULL REFERENCES workspaces (id),
    name            TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    latest_snapshot BIGINT NOT NULL DEFAULT 0, -- 0 before the first; committers compare and swap it
    UNIQUE (workspace_id, name)
);

CREATE TABLE jobs (
    id               TEXT    PRIMARY KEY,
    workspace_id     TEXT    NOT NULL REFERENCES workspaces (id),
    project_id       TEXT    REFERENCES projects (id),
    kind             TEXT    NOT NULL,
    payload          TEXT    NOT NULL,
    state            TEXT    NOT NULL DEFAULT 'queued'
                     CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    progress         TEXT    NOT NULL DEFAULT 'null',
    result           TEXT    NOT NULL DEFAULT 'null',
    error            TEXT,
    attempts         BIGINT  NOT NULL DEFAULT 0,
    max_attempts     BIGINT  NOT NULL,
    run_at           BIGINT  NOT NULL,
    lease_owner      TEXT,
    lease_until      BIGINT,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    created_at       BIGINT  NOT NULL,
    finished_at      BIGINT
);
CREATE INDEX jobs_claimable ON jobs (run_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_by_workspace ON jobs (workspace_id, id);

CREATE TABLE snapshots (
    project_id     TEXT   NOT NULL REFERENCES projects (id),
    number         BIGINT NOT NULL CHECK (number > 0),
    parent         BIGINT NOT NULL, -- 0: none
    buckets        BIGINT NOT NULL,
    schema_version BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    actor          TEXT   NOT NULL,
    config         TEXT,            -- the labelling config
    sources        TEXT   NOT NULL,
    counts         TEXT   NOT NULL,
    job_id         TEXT   REFERENCES jobs (id),
    PRIMARY KEY (project_id, number)
);

-- Snapshot N consists of the files with added_in <= N and (removed_in IS NULL OR removed_in > N).
CREATE TABLE files (
    id         TEXT   PRIMARY KEY,
    project_id TEXT   NOT NULL,
    tbl        TEXT   NOT NULL,
    bucket     BIGINT NOT NULL,
    path       TEXT   NOT NULL,
    rows       BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    min_item   TEXT,
    max_item   TEXT,
    checksum   TEXT   NOT NULL,
    added_in   BIGINT NOT NULL,
    removed_in BIGINT CHECK (removed_in > added_in),
    FOREIGN KEY (project_id, added_in) REFERENCES snapshots (project_id, number)
);
CREATE INDEX files_by_project ON files (project_id, added_in);

CREATE TABLE keys (
    id           TEXT   PRIMARY KEY,
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    name         TEXT   NOT NULL,
    prefix       TEXT   NOT NULL,
    secret_hash  TEXT   NOT NULL,
    role         TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'analyst', 'reviewer', 'viewer')),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);
CREATE INDEX keys_by_workspace ON keys (workspace_id, id);

CREATE TABLE idempotency (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    key          TEXT   NOT NULL,
    method_path  TEXT   NOT NULL,
    request_hash TEXT   NOT NULL,
    job_id       TEXT,            -- written before the job, in its transaction
    status       BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, key)
);

-- Written before the act, completed with it: a row without an outcome is an act that was cut short or is still going on.
CREATE TABLE audit (
    id           TEXT   PRIMARY KEY,
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    actor        TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    target       TEXT   NOT NULL,
    request_id   TEXT   NOT NULL,
    job_id       TEXT   REFERENCES jobs (id), -- the act goes on in this job and ends with it
    started_at   BIGINT NOT NULL,
    finished_at  BIGINT,
    outcome      TEXT
);
CREATE INDEX audit_by_workspace ON audit (workspace_id, id);
CREATE INDEX audit_open_by_job ON audit (job_id) WHERE finished_at IS NULL;

CREATE TABLE reports (
    project_id     TEXT   NOT NULL,
    snapshot       BIGINT NOT NULL,
    kind           TEXT   NOT NULL,
    params_hash    TEXT   NOT NULL,
    figure_version BIGINT NOT NULL,
    path           TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (project_id, snapshot, kind, params_hash, figure_version),
    FOREIGN KEY (project_id, snapshot) REFERENCES snapshots (project_id, number)
);
