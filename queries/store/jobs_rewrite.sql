UPDATE jobs SET payload = $2, progress = $3, result = $4, error = $5 WHERE id = $1
