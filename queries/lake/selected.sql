-- The items of a slice.
SELECT item_id
FROM selected_items
ORDER BY item_id
