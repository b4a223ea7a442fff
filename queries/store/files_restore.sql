INSERT INTO files (id, project_id, tbl, bucket, path, rows, bytes, min_item, max_item, checksum, added_in, removed_in)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
