SELECT rater_id, coalesce(name, email, CASE WHEN native_id = '' THEN NULL ELSE native_id END, rater_id) AS name
FROM raters
ORDER BY rater_id
