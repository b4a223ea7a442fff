-- Every control with what tells a single choice from other controls: labels per annotation, and whether results belong to regions.
SELECT
    r.control,
    r.type,
    max(r.label_index) AS max_label_index,
    max(r.result_index - f.first_index) AS max_offset,
    count(*) FILTER (WHERE r.bbox IS NOT NULL OR r.points IS NOT NULL OR r.start IS NOT NULL OR r.start_text IS NOT NULL) AS regions,
    count(DISTINCT r.annotation_id) FILTER (WHERE c.status = 'used') AS answers
FROM results AS r
JOIN classified AS c ON c.annotation_id = r.annotation_id
JOIN (
    SELECT annotation_id, control, min(result_index) AS first_index
    FROM results
    GROUP BY annotation_id, control
) AS f ON f.annotation_id = r.annotation_id AND f.control = r.control
WHERE r.control IS NOT NULL
GROUP BY r.control, r.type
ORDER BY r.control, r.type
