-- The views that common/tables/tables.def cannot say: those that do more than
-- add up the partial rows of several aggregators. `sink --migrate` makes them
-- after the tables and the other views. Each statement ends with a semicolon at the
-- end of a line, and may run again.
--
-- A view has the columns of the table that it is named after, and _all behind
-- the name; it has the table's own rows, too, so that a query need not know
-- whether there are partial rows.

-- The tenants that have partial rows, their time, and the generation that
-- counts: the newest that a tenant has, up to the current one. Between a switch of the
-- generation and the first rows of the new one it is the generation before.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW tenant_parts AS
SELECT p.tenant AS tenant, p.generation AS generation, COUNT(*) AS parts,
  MAX(p.as_of) AS as_of
FROM tenant_metrics_parts p
JOIN (
  SELECT q.tenant AS tenant, MAX(q.generation) AS generation
  FROM tenant_metrics_parts q
  JOIN generations g ON q.generation <= g.generation
  GROUP BY q.tenant
) n ON n.tenant = p.tenant AND n.generation = p.generation
GROUP BY p.tenant, p.generation;

-- Of each operator, how many responses are in each bucket and in those below,
-- and the middle of the bucket: it is off by less than 1/64.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW operator_buckets AS
SELECT s.tenant AS tenant, s.operator AS operator, s.bucket AS bucket,
  s.n AS n,
  SUM(s.n) OVER (PARTITION BY s.tenant, s.operator ORDER BY s.bucket) AS upto,
  SUM(s.n) OVER (PARTITION BY s.tenant, s.operator) AS total,
  CASE WHEN s.bucket < 64 THEN s.bucket
    ELSE (32 + s.bucket MOD 32) * POW(2, s.bucket DIV 32 - 1) +
      (POW(2, s.bucket DIV 32 - 1) - 1) / 2
    END AS ms
FROM (
  SELECT p.tenant AS tenant, p.operator AS operator, b.bucket AS bucket,
    SUM(b.n) AS n
  FROM operator_metrics_parts p
  JOIN tenant_parts t
    ON t.tenant = p.tenant AND t.generation = p.generation
  JOIN JSON_TABLE(p.response_buckets, '$[*]' COLUMNS (
    bucket INT PATH '$[0]', n BIGINT PATH '$[1]')) b
  GROUP BY p.tenant, p.operator, b.bucket
) s;

-- The median is the average of the two in the middle, the percentile that of
-- the nearest rank.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW operator_quantiles AS
SELECT tenant, operator,
  (SUM(CASE WHEN upto - n < (total + 1) DIV 2 AND upto >= (total + 1) DIV 2
      THEN ms ELSE 0 END) +
    SUM(CASE WHEN upto - n < total DIV 2 + 1 AND upto >= total DIV 2 + 1
      THEN ms ELSE 0 END)) / 2 AS median_ms,
  SUM(CASE WHEN upto - n < (total * 90 + 99) DIV 100
    AND upto >= (total * 90 + 99) DIV 100 THEN ms ELSE 0 END) AS p90_ms
FROM operator_buckets
GROUP BY tenant, operator;

-- A tenant that has partial rows has no row of the table beside them. Averages
-- are rounded half up, as those of the table.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW operator_metrics_all AS
SELECT o.tenant, o.operator, o.name, o.available, o.open_chats,
  o.reported_open_chats, o.responses, o.avg_response_seconds,
  o.median_response_seconds, o.p90_response_seconds, o.first_responses,
  o.avg_first_response_seconds, o.waiting_chats, o.longest_wait_seconds,
  o.as_of, o.version
FROM operator_metrics o
WHERE o.tenant NOT IN (SELECT t.tenant FROM tenant_parts t)
UNION ALL
SELECT s.tenant, s.operator, s.name, s.available, s.open_chats,
  s.reported_open_chats, s.responses,
  CAST((2 * s.sum_ms + s.responses) DIV (2 * s.responses) / 1000
    AS DECIMAL(15,3)),
  CAST(q.median_ms / 1000 AS DECIMAL(15,3)),
  CAST(q.p90_ms / 1000 AS DECIMAL(15,3)),
  s.first_responses,
  CAST((2 * s.first_sum_ms + s.first_responses) DIV (2 * s.first_responses)
    / 1000 AS DECIMAL(15,3)),
  s.waiting_chats,
  CAST(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, s.waiting_since, s.told_at))
    / 1000000 AS DECIMAL(15,3)),
  s.as_of, s.version
FROM (
  SELECT p.tenant AS tenant, p.operator AS operator, MAX(p.name) AS name,
    MAX(p.available) AS available, SUM(p.open_chats) AS open_chats,
    MAX(p.reported_open_chats) AS reported_open_chats,
    SUM(p.responses) AS responses, SUM(p.response_sum_ms) AS sum_ms,
    SUM(p.first_responses) AS first_responses,
    SUM(p.first_response_sum_ms) AS first_sum_ms,
    SUM(p.waiting_chats) AS waiting_chats,
    MIN(p.waiting_since) AS waiting_since, MAX(t.as_of) AS told_at,
    MAX(p.as_of) AS as_of, MAX(p.version) AS version
  FROM operator_metrics_parts p
  JOIN tenant_parts t
    ON t.tenant = p.tenant AND t.generation = p.generation
  GROUP BY p.tenant, p.operator
) s
LEFT JOIN operator_quantiles q
  ON q.tenant = s.tenant AND q.operator = s.operator;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW tenant_metrics_all AS
SELECT m.tenant, m.operators, m.open_chats, m.unassigned_chats,
  m.waiting_chats, m.longest_wait_seconds, m.responses,
  m.avg_response_seconds, m.skewed, m.as_of, m.version
FROM tenant_metrics m
WHERE m.tenant NOT IN (SELECT t.tenant FROM tenant_parts t)
UNION ALL
SELECT p.tenant, MAX(p.operators), SUM(p.open_chats),
  SUM(p.unassigned_chats), SUM(p.waiting_chats),
  CAST(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, MIN(p.waiting_since),
    MAX(p.as_of))) / 1000000 AS DECIMAL(15,3)),
  SUM(p.responses),
  CAST((2 * SUM(p.response_sum_ms) + SUM(p.responses))
    DIV (2 * SUM(p.responses)) / 1000 AS DECIMAL(15,3)),
  SUM(p.skewed), MAX(p.as_of), MAX(p.version)
FROM tenant_metrics_parts p
JOIN tenant_parts t
  ON t.tenant = p.tenant AND t.generation = p.generation
GROUP BY p.tenant;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW user_stats_all AS
SELECT s.tenant AS tenant, s.user_id AS user_id,
  SUM(s.message_count) AS message_count,
  SUM(CASE WHEN s.generation = COALESCE(t.generation, 0)
    THEN s.active_conversations ELSE 0 END) AS active_conversations,
  MAX(s.last_active) AS last_active, MIN(s.created_at) AS created_at,
  MAX(s.as_of) AS as_of, MAX(s.version) AS version
FROM (
  SELECT tenant, user_id, 0 AS generation, message_count,
    active_conversations, last_active, created_at, as_of, version
  FROM user_stats
  UNION ALL
  SELECT tenant, user_id, generation, message_count, active_conversations,
    last_active, created_at, as_of, version
  FROM user_stats_parts
) s
LEFT JOIN tenant_parts t ON t.tenant = s.tenant
GROUP BY s.tenant, s.user_id;

-- A window's words count when it is over, and in more messages than the
-- threshold.
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

-- The windows in which a user wrote more than the threshold. Windows of five
-- minutes begin at multiples of five before 1970, too: the remainder of a
-- division has the sign of the dividend, so time is counted from the first year
-- of a DATETIME.
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

-- Consecutive windows are one alert. It has ended when the time has passed the
-- window after its last one. An alert that one aggregator left open when there
-- were several of them ended there, or goes on as one of theirs.
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

-- The table of the former system: one line for each open chat that an operator
-- has. id is a hash of tenant and chat (52 bits), so it stays the same;
-- tmr_in_seconds is how long the customer waits, up to the tenant's present:
-- the row of a chat has the time of its last change. It needs two columns of the
-- operators and not the quantiles of operator_metrics_all.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW reports AS
SELECT
  CAST(CONV(LEFT(MD5(CONCAT(c.tenant, ' ', c.chat)), 13), 16, 10) AS UNSIGNED)
    AS id,
  o.name AS operator_name,
  c.operator AS operator_id,
  c.chat AS dialog_id,
  CASE WHEN c.waiting_since IS NULL THEN 0
    ELSE GREATEST(0, TIMESTAMPDIFF(SECOND, c.waiting_since,
      GREATEST(c.as_of, COALESCE(n.as_of, c.as_of))))
    END AS tmr_in_seconds,
  o.reported_open_chats AS opened_dialogs,
  c.customer_phone AS client,
  COALESCE(NULLIF(c.tag, ''), 'Sem tag') AS status_tag,
  COALESCE(c.opened_at, c.as_of) AS created_at,
  c.as_of AS updated_at,
  c.tenant AS tenant
FROM chat_metrics c
LEFT JOIN (
  SELECT m.tenant AS tenant, m.operator AS operator, m.name AS name,
    m.reported_open_chats AS reported_open_chats
  FROM operator_metrics m
  WHERE m.tenant NOT IN (SELECT t.tenant FROM tenant_parts t)
  UNION ALL
  SELECT p.tenant, p.operator, MAX(p.name), MAX(p.reported_open_chats)
  FROM operator_metrics_parts p
  JOIN tenant_parts t
    ON t.tenant = p.tenant AND t.generation = p.generation
  GROUP BY p.tenant, p.operator
) o ON o.tenant = c.tenant AND o.operator = c.operator
LEFT JOIN tenant_metrics_all n ON n.tenant = c.tenant
WHERE c.status = 'open' AND c.operator IS NOT NULL;

-- Of each message: read or only sent, when it was first read, and by whom. A
-- receipt that names no conversation counts for every message of that id.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW read_status AS
SELECT
  m.tenant AS tenant,
  m.conversation_id AS conversation_id,
  m.message_id AS message_id,
  CASE WHEN v.viewed_at IS NULL THEN 'sent' ELSE 'read' END AS read_status,
  v.viewed_at AS read_at,
  v.user_id AS read_by
FROM messages m
LEFT JOIN message_views v
  ON v.tenant = m.tenant AND v.message_id = m.message_id
  AND v.conversation_id IN ('', m.conversation_id)
  AND NOT EXISTS (
    SELECT 1 FROM message_views e
    WHERE e.tenant = m.tenant AND e.message_id = m.message_id
    AND e.conversation_id IN ('', m.conversation_id)
    AND (e.viewed_at, e.user_id, e.conversation_id) <
      (v.viewed_at, v.user_id, v.conversation_id));
