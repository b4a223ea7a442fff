SELECT
    annotation_id,
    result_index,
    label_index,
    control,
    target,
    type,
    region_id,
    label,
    number,
    text,
    start,
    "end",
    bbox,
    points,
    score,
    original_width,
    original_height,
    raw
FROM results
WHERE item_id = $item
ORDER BY annotation_id, result_index, label_index
