SELECT id, tbl, bucket, path, rows, bytes, min_item, max_item, checksum, added_in, removed_in
FROM files
WHERE project_id = $1
ORDER BY tbl, bucket, id
