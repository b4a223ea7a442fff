VACUUM (FULL) jobs, idempotency, snapshots, audit, files, reports
