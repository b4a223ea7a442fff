SELECT id, tbl, bucket, path, rows, bytes, min_item, max_item, checksum, added_in, removed_in
FROM files
WHERE project_id = $1 AND added_in <= $2 AND (removed_in IS NULL OR removed_in > $2)
ORDER BY tbl, bucket, id
