-- The row of no channel of a day tells whether all hours of the day have their
-- channels: not those that have one without, or one that has changed since.
UPDATE response_rollups d JOIN (
  SELECT DISTINCT h.tenant, DATE(h.begin_at) AS day FROM response_rollups h
    LEFT JOIN response_rollups q ON q.tenant = h.tenant AND q.everyone = 1
      AND q.span = 'quarter' AND q.begin_at = h.begin_at AND q.operator = ''
      AND q.version >= 0
    LEFT JOIN response_rollups c ON c.tenant = h.tenant AND c.everyone = 2
      AND c.span = 'hour' AND c.begin_at = h.begin_at AND c.operator = ''
    WHERE h.everyone = 1 AND h.span = 'hour' AND h.operator = ''
      AND (q.tenant IS NULL OR c.tenant IS NULL)) AS lacking
  ON d.tenant = lacking.tenant AND d.begin_at = lacking.day
  SET d.version = -1
  WHERE d.everyone = 2 AND d.span = 'day' AND d.operator = '';
