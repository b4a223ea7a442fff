-- How often each number was given in a control of ratings or numbers, by annotators (after the policies) and by models.
SELECT
    r.number,
    count(*) FILTER (WHERE c.status = 'used') AS annotations,
    count(*) FILTER (WHERE c.status = 'prediction') AS predictions
FROM results AS r
JOIN classified AS c ON c.annotation_id = r.annotation_id
WHERE c.status IN ('used', 'prediction') AND r.control = $control AND r.number IS NOT NULL
GROUP BY r.number
ORDER BY r.number
