-- How a snapshot came about and whether it can still be read. Columns are only added, so that a process of the version before
-- goes on working beside this one.

-- import, compact, erase, rebuild
ALTER TABLE snapshots ADD COLUMN operation TEXT NOT NULL DEFAULT 'import';
-- Items, annotations and predictions that are new, changed, removed, against the parent.
ALTER TABLE snapshots ADD COLUMN changes TEXT NOT NULL DEFAULT '{}';
-- Set when retention or an erasure took it back: its number then answers "gone", and its files go once nobody can still be reading them.
ALTER TABLE snapshots ADD COLUMN retired_at BIGINT;
ALTER TABLE snapshots ADD COLUMN retired_by TEXT CHECK (retired_by IN ('retention', 'erasure'));
-- Whether `_snapshots/N.json` in storage says what this row says.
ALTER TABLE snapshots ADD COLUMN copied BOOLEAN NOT NULL DEFAULT FALSE;
