-- Who is publishing a project: one process at a time, so that a slow publisher cannot put an older snapshot in the place of a newer one.
CREATE TABLE publish_leases (
    project_id TEXT   PRIMARY KEY REFERENCES projects (id),
    owner      TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
