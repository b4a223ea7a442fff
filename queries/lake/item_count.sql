SELECT count(*) AS n
FROM selected_items
