-- The value of one slice field, of the items that have it.
SELECT item_id, entry['value'] AS value
FROM (SELECT item_id, unnest(map_entries(slices)) AS entry FROM selected_items) AS entries
WHERE entry['key'] = $field
ORDER BY item_id, value
