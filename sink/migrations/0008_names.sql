-- One word for one thing: metrics, and chats that are reserved.
-- Each statement may run again, after a crash or when a table is missing.
CREATE TABLE IF NOT EXISTS metric_settings (
  name VARCHAR(64) NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS figure_settings LIKE metric_settings;
INSERT IGNORE INTO metric_settings (name, value)
SELECT name, value FROM figure_settings;

ALTER TABLE assignments RENAME COLUMN IF EXISTS promised_at TO reserved_at;

-- What reads that table, as it was.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW trends_all AS
SELECT tenant, window_start, word, window_end, occurrences, as_of, version
FROM trends
UNION ALL
SELECT p.tenant, p.window_start, p.word, MAX(p.window_end),
  SUM(p.occurrences), MAX(p.as_of), MAX(p.version)
FROM trends_parts p
GROUP BY p.tenant, p.window_start, p.word
HAVING SUM(p.occurrences) >
    (SELECT value FROM metric_settings WHERE name = 'trend_count')
  AND MAX(p.window_end) <=
    (SELECT MAX(t.as_of) FROM tenant_metrics_parts t
      WHERE t.tenant = p.tenant);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW alert_windows AS
SELECT p.tenant AS tenant, p.user_id AS user_id, s.rule AS rule,
  p.created_at - INTERVAL
    TIMESTAMPDIFF(SECOND, '1970-01-01', p.created_at) MOD s.seconds SECOND
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

DROP TABLE IF EXISTS figure_settings;
