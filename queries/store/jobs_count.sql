SELECT state, COUNT(*) FROM jobs WHERE state IN ('queued', 'running') GROUP BY state ORDER BY state
