SELECT item_id, data, meta
FROM items
WHERE item_id = $item
ORDER BY item_id
