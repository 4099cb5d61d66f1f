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

-- What one aggregator alone told of an alert that went on when there were
-- several: it ended there, or goes on as one of theirs.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW alerts_all AS
SELECT a.tenant, a.started_at, a.user_id, a.rule,
  CASE WHEN a.ended_at IS NULL AND EXISTS (
    SELECT 1 FROM tenant_metrics_parts t WHERE t.tenant = a.tenant)
    THEN a.as_of ELSE a.ended_at END AS ended_at,
  a.messages, a.threshold, a.as_of, a.version
FROM alerts a
UNION ALL
SELECT r.tenant, r.started_at, r.user_id, r.rule,
  CASE WHEN r.until + INTERVAL r.seconds SECOND <= (
    SELECT MAX(t.as_of) FROM tenant_metrics_parts t
    WHERE t.tenant = r.tenant) THEN r.until END,
  r.messages, r.threshold, r.as_of, r.version
FROM (
  SELECT i.tenant AS tenant, i.user_id AS user_id, i.rule AS rule,
    MIN(i.started_at) AS started_at,
    MAX(i.started_at) + INTERVAL i.seconds SECOND AS until,
    i.seconds AS seconds, SUM(i.messages) AS messages,
    i.threshold AS threshold, MAX(i.as_of) AS as_of,
    MAX(i.version) AS version
  FROM (
    SELECT w.*, TIMESTAMPDIFF(SECOND, '1970-01-01', w.started_at) -
      w.seconds * ROW_NUMBER() OVER (PARTITION BY w.tenant, w.user_id, w.rule
        ORDER BY w.started_at) AS island
    FROM alert_windows w
  ) i
  GROUP BY i.tenant, i.user_id, i.rule, i.seconds, i.threshold, i.island
) r;
