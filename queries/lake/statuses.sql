-- How many annotations each policy leaves out.
SELECT status, count(*) AS n
FROM classified
GROUP BY status
ORDER BY status
