-- Who gave which labels to which item in one control of several labels, after the policies: one row per label, and one without a label for an
-- answer without labels. An annotation with nothing in the control has such a row where $blank says that this is an answer.
SELECT c.item_id, c.rater_id, r.label, c.annotation_id, c.updated_at
FROM classified AS c
LEFT JOIN (
    SELECT annotation_id, label
    FROM results
    WHERE control = $control
) AS r ON r.annotation_id = c.annotation_id
WHERE c.status = 'used' AND (r.annotation_id IS NOT NULL OR $blank)
ORDER BY c.item_id, c.rater_id, r.label
