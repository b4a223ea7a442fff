SELECT s.user_id, u.email, u.name, s.last_seen_at
FROM sessions s
JOIN users u ON u.id = s.user_id
WHERE s.id_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $3 AND u.disabled_at IS NULL
