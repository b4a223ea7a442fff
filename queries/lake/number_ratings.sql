-- Who gave which number to which item in one control of ratings or numbers, after the policies.
SELECT c.item_id, c.rater_id, r.number, c.annotation_id, c.updated_at
FROM classified AS c
JOIN results AS r ON r.annotation_id = c.annotation_id
WHERE c.status = 'used' AND r.control = $control AND r.number IS NOT NULL
ORDER BY c.item_id, c.rater_id
