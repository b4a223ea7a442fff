-- The data of some items, for lists..
SELECT item_id, data
FROM items
WHERE array_has($items, item_id)
ORDER BY item_id
