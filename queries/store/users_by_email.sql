SELECT id, email, name, password_hash, created_at, disabled_at FROM users WHERE email = $1
