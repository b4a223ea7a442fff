SELECT
    a.annotation_id,
    a.kind,
    a.rater_id,
    a.model_version,
    a.score,
    a.created_at,
    a.updated_at,
    a.lead_time_s,
    a.cancelled,
    a.ground_truth,
    a.draft
FROM annotations AS a
WHERE a.item_id = $item
ORDER BY a.kind, a.draft, a.ground_truth, a.rater_id, a.annotation_id
