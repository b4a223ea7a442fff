-- Who may come in: people with a password, their roles in workspaces, and where they are logged in. Tables and columns are only added,
-- so that a process of the version before goes on working beside this one. It does not know scopes, and takes a key for what its role
-- allows: stop the last of them before you make keys with scopes.

CREATE TABLE users (
    id            TEXT   PRIMARY KEY,
    email         TEXT   NOT NULL UNIQUE, -- in lower case
    name          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,        -- argon2id as a PHC string; '': no password yet
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT
);

CREATE TABLE memberships (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    user_id      TEXT   NOT NULL REFERENCES users (id),
    role         TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'analyst', 'reviewer', 'viewer')),
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

-- A browser that is logged in. The cookie holds the id, the table its SHA-256: who reads the table cannot take over a session.
CREATE TABLE sessions (
    id_hash      TEXT   PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id),
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL, -- however much it is used
    revoked_at   BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- What the key may do of what its role allows, separated by blanks; '': all of it.
ALTER TABLE keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '';

CREATE INDEX audit_by_actor ON audit (workspace_id, actor, id);
