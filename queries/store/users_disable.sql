UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL
