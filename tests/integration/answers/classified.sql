-- Every annotation and prediction with the first policy that leaves it out, or 'used': the rule as one would write it down.
SELECT
    a.annotation_id, a.item_id, a.rater_id, a.updated_at,
    CASE
        WHEN a.kind = 'prediction' THEN 'prediction'
        WHEN a.draft THEN 'draft'
        WHEN a.cancelled THEN 'skipped'
        WHEN a.ground_truth THEN 'ground_truth'
        WHEN row_number() OVER (
            PARTITION BY a.item_id, a.rater_id, a.kind, a.draft OR a.cancelled OR a.ground_truth
            ORDER BY length(a.native_id) DESC, a.native_id DESC
        ) > 1 THEN 'repeat_by_same_annotator'
        ELSE 'used'
    END AS status
FROM annotations AS a
JOIN selected_items AS i ON i.item_id = a.item_id
