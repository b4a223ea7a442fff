SELECT f.id
FROM files f
JOIN snapshots s ON s.project_id = f.project_id AND s.number = f.added_in
WHERE f.project_id = $1 AND f.added_in <= $2 AND (f.removed_in IS NULL OR f.removed_in > $2) AND s.schema_version < $3
ORDER BY f.id
