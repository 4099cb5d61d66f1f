-- What several aggregators store, each with chats of its own: a figure that
-- spans chats in parts, under the generation and the number of the part besides
-- its key, and views that add the parts up. A view has the columns of the table
-- it is called after, and _all behind the name; it gives the table's own rows,
-- too, so that a query need not know whether there are parts.
--
-- What tells how things are now (operators, tenants, active conversations) is
-- that of the current generation; where a tenant has nothing of it, that of the
-- table without parts. What tells what happened is the sum of all.

-- One row: the generation that counts, and since when. It is one update that
-- switches.
CREATE TABLE IF NOT EXISTS generations (
  id TINYINT NOT NULL,
  generation INT UNSIGNED NOT NULL,
  parts INT UNSIGNED NULL,
  switched_at DATETIME(3) NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT IGNORE INTO generations (id, generation) VALUES (1, 1);

-- Thresholds of figures that only a sum over parts can tell: keep them as
-- [aggregator] has them.
CREATE TABLE IF NOT EXISTS figure_settings (
  name VARCHAR(64) NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT IGNORE INTO figure_settings (name, value) VALUES
  ('alert_minute', 8), ('alert_five_minutes', 20), ('trend_count', 2);

-- response_buckets: [[bucket, count], ...], log-linear as those of
-- response_histogram.
CREATE TABLE IF NOT EXISTS operator_metrics_parts (
  tenant VARCHAR(64) NOT NULL,
  operator VARCHAR(191) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  name VARCHAR(255) NULL,
  available TINYINT NULL,
  open_chats INT UNSIGNED NULL,
  reported_open_chats INT UNSIGNED NULL,
  responses BIGINT NULL,
  response_sum_ms BIGINT NULL,
  response_max_ms BIGINT NULL,
  response_buckets MEDIUMTEXT NULL,
  first_responses BIGINT NULL,
  first_response_sum_ms BIGINT NULL,
  waiting_chats INT UNSIGNED NULL,
  waiting_since DATETIME(3) NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, operator, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tenant_metrics_parts (
  tenant VARCHAR(64) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  operators INT UNSIGNED NULL,
  open_chats INT UNSIGNED NULL,
  unassigned_chats INT UNSIGNED NULL,
  waiting_chats INT UNSIGNED NULL,
  waiting_since DATETIME(3) NULL,
  responses BIGINT NULL,
  response_sum_ms BIGINT NULL,
  skewed INT UNSIGNED NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS event_counts_parts (
  tenant VARCHAR(64) NOT NULL,
  `user` VARCHAR(191) NOT NULL,
  `event` VARCHAR(191) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  `count` BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, `user`, `event`, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS conversation_metrics_parts (
  tenant VARCHAR(64) NOT NULL,
  conversation_id VARCHAR(191) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  message_count BIGINT NULL,
  participant_count BIGINT NULL,
  last_message_at DATETIME(3) NOT NULL,
  created_at DATETIME(3) NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, conversation_id, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS user_stats_parts (
  tenant VARCHAR(64) NOT NULL,
  user_id VARCHAR(191) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  message_count BIGINT NULL,
  active_conversations BIGINT NULL,
  last_active DATETIME(3) NULL,
  created_at DATETIME(3) NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, user_id, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS realtime_user_activity_parts (
  tenant VARCHAR(64) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  user_id VARCHAR(191) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  messages_last_minute BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, created_at, user_id, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Every word of a window, however rare.
CREATE TABLE IF NOT EXISTS trends_parts (
  tenant VARCHAR(64) NOT NULL,
  window_start DATETIME(3) NOT NULL,
  word VARCHAR(191) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  window_end DATETIME(3) NULL,
  occurrences BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, window_start, word, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS channel_metrics_parts (
  tenant VARCHAR(64) NOT NULL,
  `hour` DATETIME(3) NOT NULL,
  channel VARCHAR(191) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  messages BIGINT NULL,
  inbound_messages BIGINT NULL,
  outbound_messages BIGINT NULL,
  active_conversations BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, `hour`, channel, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS response_hours_parts (
  tenant VARCHAR(64) NOT NULL,
  `hour` DATETIME(3) NOT NULL,
  operator VARCHAR(191) NOT NULL,
  kind VARCHAR(32) NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  responses BIGINT NULL,
  sum_ms BIGINT NULL,
  max_ms BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, `hour`, operator, kind, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS response_histogram_parts (
  tenant VARCHAR(64) NOT NULL,
  `hour` DATETIME(3) NOT NULL,
  operator VARCHAR(191) NOT NULL,
  kind VARCHAR(32) NOT NULL,
  bucket INT UNSIGNED NOT NULL,
  generation INT UNSIGNED NOT NULL,
  part INT UNSIGNED NOT NULL,
  `count` BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, `hour`, operator, kind, bucket, generation, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The tenants that have parts of the current generation, and their time.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW tenant_parts AS
SELECT p.tenant AS tenant, p.generation AS generation, COUNT(*) AS parts,
  MAX(p.as_of) AS as_of
FROM tenant_metrics_parts p
JOIN generations g ON g.generation = p.generation
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
  JOIN generations g ON g.generation = p.generation
  JOIN JSON_TABLE(p.response_buckets, '$[*]' COLUMNS (
    bucket INT PATH '$[0]', n BIGINT PATH '$[1]')) b
  GROUP BY p.tenant, p.operator, b.bucket
) s;

-- The median is the mean of the two in the middle, the percentile that of the
-- nearest rank.
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

-- Means are rounded half up, as those of the table.
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
  CAST(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, s.waiting_since, t.as_of))
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
    MIN(p.waiting_since) AS waiting_since,
    MAX(p.as_of) AS as_of, MAX(p.version) AS version
  FROM operator_metrics_parts p
  JOIN generations g ON g.generation = p.generation
  GROUP BY p.tenant, p.operator
) s
JOIN tenant_parts t ON t.tenant = s.tenant
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
JOIN generations g ON g.generation = p.generation
GROUP BY p.tenant;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW event_counts_all AS
SELECT
  tenant, `user`, `event`, SUM(`count`) AS `count`, MAX(as_of) AS as_of,
  MAX(version) AS version
FROM (
  SELECT
    tenant, `user`, `event`, `count`, as_of, version
  FROM event_counts
  UNION ALL SELECT
    tenant, `user`, `event`, `count`, as_of, version
  FROM event_counts_parts
) s
GROUP BY
  tenant, `user`, `event`;

-- A conversation is in one part of each generation, which knows who wrote
-- before as far as their messages are still held.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW conversation_metrics_all AS
SELECT
  tenant, conversation_id, SUM(message_count) AS message_count,
  MAX(participant_count) AS participant_count,
  MAX(last_message_at) AS last_message_at, MIN(created_at) AS created_at,
  MAX(as_of) AS as_of, MAX(version) AS version
FROM (
  SELECT
    tenant, conversation_id, message_count, participant_count,
    last_message_at, created_at, as_of, version
  FROM conversation_metrics
  UNION ALL SELECT
    tenant, conversation_id, message_count, participant_count,
    last_message_at, created_at, as_of, version
  FROM conversation_metrics_parts
) s
GROUP BY
  tenant, conversation_id;

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

CREATE OR REPLACE SQL SECURITY INVOKER VIEW realtime_user_activity_all AS
SELECT
  tenant, created_at, user_id,
  SUM(messages_last_minute) AS messages_last_minute, MAX(as_of) AS as_of,
  MAX(version) AS version
FROM (
  SELECT
    tenant, created_at, user_id, messages_last_minute, as_of, version
  FROM realtime_user_activity
  UNION ALL SELECT
    tenant, created_at, user_id, messages_last_minute, as_of, version
  FROM realtime_user_activity_parts
) s
GROUP BY
  tenant, created_at, user_id;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW channel_metrics_all AS
SELECT
  tenant, `hour`, channel, SUM(messages) AS messages,
  SUM(inbound_messages) AS inbound_messages,
  SUM(outbound_messages) AS outbound_messages,
  SUM(active_conversations) AS active_conversations, MAX(as_of) AS as_of,
  MAX(version) AS version
FROM (
  SELECT
    tenant, `hour`, channel, messages, inbound_messages, outbound_messages,
    active_conversations, as_of, version
  FROM channel_metrics
  UNION ALL SELECT
    tenant, `hour`, channel, messages, inbound_messages, outbound_messages,
    active_conversations, as_of, version
  FROM channel_metrics_parts
) s
GROUP BY
  tenant, `hour`, channel;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW response_hours_all AS
SELECT
  tenant, `hour`, operator, kind, SUM(responses) AS responses,
  SUM(sum_ms) AS sum_ms, MAX(max_ms) AS max_ms, MAX(as_of) AS as_of,
  MAX(version) AS version
FROM (
  SELECT
    tenant, `hour`, operator, kind, responses, sum_ms, max_ms, as_of, version
  FROM response_hours
  UNION ALL SELECT
    tenant, `hour`, operator, kind, responses, sum_ms, max_ms, as_of, version
  FROM response_hours_parts
) s
GROUP BY
  tenant, `hour`, operator, kind;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW response_histogram_all AS
SELECT
  tenant, `hour`, operator, kind, bucket, SUM(`count`) AS `count`,
  MAX(as_of) AS as_of, MAX(version) AS version
FROM (
  SELECT
    tenant, `hour`, operator, kind, bucket, `count`, as_of, version
  FROM response_histogram
  UNION ALL SELECT
    tenant, `hour`, operator, kind, bucket, `count`, as_of, version
  FROM response_histogram_parts
) s
GROUP BY
  tenant, `hour`, operator, kind, bucket;

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
    (SELECT value FROM figure_settings WHERE name = 'trend_count')
  AND MAX(p.window_end) <=
    (SELECT MAX(t.as_of) FROM tenant_metrics_parts t
      WHERE t.tenant = p.tenant);

-- The windows in which a user wrote more than the threshold.
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
  FROM figure_settings WHERE name = 'alert_minute'
  UNION ALL
  SELECT 'five_minutes', 300, value
  FROM figure_settings WHERE name = 'alert_five_minutes'
) s
GROUP BY p.tenant, p.user_id, s.rule, s.seconds, s.threshold, started_at
HAVING SUM(p.messages_last_minute) > s.threshold;

-- Windows in a row are one alert. It has ended when the time has passed the
-- window behind its last one.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW alerts_all AS
SELECT tenant, started_at, user_id, rule, ended_at, messages, threshold,
  as_of, version
FROM alerts
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
