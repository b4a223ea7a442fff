-- For links that carry the labelling tool's own id; more than one source may know it.
SELECT item_id
FROM items
WHERE native_id = $native
ORDER BY item_id
LIMIT 1
