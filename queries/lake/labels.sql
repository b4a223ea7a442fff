-- How often each label was given, by annotators (after the policies) and by models.
SELECT
    r.control,
    r.label,
    count(*) FILTER (WHERE c.status = 'used') AS annotations,
    count(*) FILTER (WHERE c.status = 'prediction') AS predictions
FROM results AS r
JOIN classified AS c ON c.annotation_id = r.annotation_id
WHERE c.status IN ('used', 'prediction') AND r.control IS NOT NULL AND r.label IS NOT NULL
GROUP BY r.control, r.label
ORDER BY r.control, annotations DESC, predictions DESC, r.label
