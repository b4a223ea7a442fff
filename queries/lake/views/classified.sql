-- Every annotation and prediction of the selected items, with the first policy that leaves it out, or 'used'.
-- Of several usable annotations by one rater on one item the one with the highest native id is used; native ids are decimal, so
-- they are compared as numbers are when they are filled up to one length. Few raters repeat themselves: what they repeated is found first,
-- and a window over every item and rater would cost far more than the rest of a query.
SELECT
    a.annotation_id,
    a.item_id,
    a.rater_id,
    a.kind,
    a.updated_at,
    CASE
        WHEN a.kind = 'prediction' THEN 'prediction'
        WHEN a.draft THEN 'draft'
        WHEN a.cancelled THEN 'skipped'
        WHEN a.ground_truth THEN 'ground_truth'
        WHEN lpad(a.native_id, 40, '0') < r.newest THEN 'repeat_by_same_annotator'
        ELSE 'used'
    END AS status
FROM annotations AS a
JOIN selected_items AS i ON i.item_id = a.item_id
LEFT JOIN (
    SELECT item_id, rater_id, max(lpad(native_id, 40, '0')) AS newest
    FROM annotations
    WHERE kind <> 'prediction' AND NOT draft AND NOT cancelled AND NOT ground_truth
    GROUP BY item_id, rater_id
    HAVING count(*) > 1
) AS r ON r.item_id = a.item_id AND r.rater_id = a.rater_id
