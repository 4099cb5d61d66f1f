-- The windows of five minutes begin at multiples of five before 1970, too: the
-- rest of a division has the sign of what is divided, so time is counted from
-- the first year of a DATETIME.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW alert_windows AS
SELECT p.tenant AS tenant, p.user_id AS user_id, s.rule AS rule,
  p.created_at - INTERVAL
    TIMESTAMPDIFF(SECOND, '1000-01-01', p.created_at) MOD s.seconds SECOND
    AS started_at,
  s.seconds AS seconds, SUM(p.messages_last_minute) AS messages,
  s.threshold AS threshold, MAX(p.as_of) AS as_of, MAX(p.version) AS version
FROM realtime_user_activity_parts p
JOIN (
  SELECT 'minute' AS rule, 60 AS seconds, value AS threshold
  FROM metric_settings WHERE name = 'alert_minute'
  UNION ALL
  SELECT 'five_minutes', 300, value
  FROM metric_settings WHERE name = 'alert_five_minutes'
) s
GROUP BY p.tenant, p.user_id, s.rule, s.seconds, s.threshold, started_at
HAVING SUM(p.messages_last_minute) > s.threshold;
