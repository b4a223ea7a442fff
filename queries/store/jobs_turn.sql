INSERT INTO job_turns (workspace_id, claimed_at) VALUES ($1, $2)
ON CONFLICT (workspace_id) DO UPDATE SET claimed_at = excluded.claimed_at
