DELETE FROM publish_leases WHERE project_id = $1 AND owner = $2
