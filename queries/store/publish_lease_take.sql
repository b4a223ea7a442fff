INSERT INTO publish_leases (project_id, owner, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (project_id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
WHERE publish_leases.owner = excluded.owner OR publish_leases.expires_at < $4
