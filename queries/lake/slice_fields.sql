-- The slice fields, and about how many values each has.
SELECT entry['key'] AS field, CAST(approx_distinct(entry['value']) AS BIGINT) AS n
FROM (SELECT unnest(map_entries(slices)) AS entry FROM items) AS entries
GROUP BY entry['key']
ORDER BY field
