-- What a stream brings: a version of its own for every row, messages and read
-- receipts as they are, and the figures over them.
--
-- version decides which of two rows with one key stays, the greater one. A row
-- that brings none has its as_of in ms, and so have the rows that are there.
-- Adding a column that is there already counts as done.
ALTER TABLE operator_metrics ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chat_metrics ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant_metrics ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE event_counts ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
UPDATE operator_metrics SET version =
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', as_of) DIV 1000 WHERE version = 0;
UPDATE chat_metrics SET version =
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', as_of) DIV 1000 WHERE version = 0;
UPDATE tenant_metrics SET version =
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', as_of) DIV 1000 WHERE version = 0;
UPDATE event_counts SET version =
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', as_of) DIV 1000 WHERE version = 0;

-- Every message record. Time comes first in the key, so that storing appends,
-- and there is no second index. Partitions: the sink cuts a day out of the one
-- that holds it (pYYYYMMDD; bYYYYMMDD: what is before that day and in no day
-- of its own). version: updated_at in ms, 0 for a message that was not edited.
CREATE TABLE IF NOT EXISTS messages (
  tenant VARCHAR(64) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  conversation_id VARCHAR(191) NOT NULL,
  message_id VARCHAR(191) NOT NULL,
  sender VARCHAR(16) NOT NULL,
  sender_id VARCHAR(191) NULL,
  receiver_id VARCHAR(191) NULL,
  operator VARCHAR(191) NULL,
  channel VARCHAR(191) NULL,
  message_type VARCHAR(64) NULL,
  `private` TINYINT NOT NULL DEFAULT 0,
  automated TINYINT NOT NULL DEFAULT 0,
  content MEDIUMTEXT NULL,
  data MEDIUMTEXT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  user_id VARCHAR(191) GENERATED ALWAYS AS (sender_id) VIRTUAL,
  event_type VARCHAR(32) GENERATED ALWAYS AS ('message_sent') VIRTUAL,
  PRIMARY KEY (tenant, created_at, conversation_id, message_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
PARTITION BY RANGE COLUMNS (created_at)
  (PARTITION bmax VALUES LESS THAN (MAXVALUE));

-- Every read receipt; conversation_id '' where the receipt names none.
CREATE TABLE IF NOT EXISTS message_views (
  tenant VARCHAR(64) NOT NULL,
  viewed_at DATETIME(3) NOT NULL,
  message_id VARCHAR(191) NOT NULL,
  user_id VARCHAR(191) NOT NULL,
  conversation_id VARCHAR(191) NOT NULL DEFAULT '',
  device VARCHAR(64) NULL,
  PRIMARY KEY (tenant, viewed_at, message_id, user_id, conversation_id),
  KEY by_message (tenant, message_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
PARTITION BY RANGE COLUMNS (viewed_at)
  (PARTITION bmax VALUES LESS THAN (MAXVALUE));

-- Each response, wait and resolution once. withdrawn: a later message showed
-- that there was none.
CREATE TABLE IF NOT EXISTS intervals (
  tenant VARCHAR(64) NOT NULL,
  end_at DATETIME(3) NOT NULL,
  chat VARCHAR(191) NOT NULL,
  message VARCHAR(191) NOT NULL DEFAULT '',
  kind VARCHAR(32) NOT NULL,
  start_at DATETIME(3) NULL,
  operator VARCHAR(191) NULL,
  ms BIGINT NULL,
  withdrawn TINYINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  seconds DECIMAL(15,3) GENERATED ALWAYS AS (ms / 1000) VIRTUAL,
  PRIMARY KEY (tenant, end_at, chat, message, kind)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
PARTITION BY RANGE COLUMNS (end_at)
  (PARTITION bmax VALUES LESS THAN (MAXVALUE));

CREATE TABLE IF NOT EXISTS conversation_metrics (
  tenant VARCHAR(64) NOT NULL,
  conversation_id VARCHAR(191) NOT NULL,
  message_count BIGINT NULL,
  participant_count BIGINT NULL,
  last_message_at DATETIME(3) NOT NULL,
  created_at DATETIME(3) NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, conversation_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS user_stats (
  tenant VARCHAR(64) NOT NULL,
  user_id VARCHAR(191) NOT NULL,
  message_count BIGINT NULL,
  active_conversations BIGINT NULL,
  last_active DATETIME(3) NULL,
  created_at DATETIME(3) NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- created_at is the minute.
CREATE TABLE IF NOT EXISTS realtime_user_activity (
  tenant VARCHAR(64) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  user_id VARCHAR(191) NOT NULL,
  messages_last_minute BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, created_at, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- ended_at NULL: it goes on.
CREATE TABLE IF NOT EXISTS alerts (
  tenant VARCHAR(64) NOT NULL,
  started_at DATETIME(3) NOT NULL,
  user_id VARCHAR(191) NOT NULL,
  rule VARCHAR(32) NOT NULL,
  ended_at DATETIME(3) NULL,
  messages BIGINT NULL,
  threshold BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, started_at, user_id, rule)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS trends (
  tenant VARCHAR(64) NOT NULL,
  window_start DATETIME(3) NOT NULL,
  word VARCHAR(191) NOT NULL,
  window_end DATETIME(3) NULL,
  occurrences BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, window_start, word)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS channel_metrics (
  tenant VARCHAR(64) NOT NULL,
  `hour` DATETIME(3) NOT NULL,
  channel VARCHAR(191) NOT NULL DEFAULT '',
  messages BIGINT NULL,
  inbound_messages BIGINT NULL,
  outbound_messages BIGINT NULL,
  active_conversations BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, `hour`, channel)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Sums that add up over operators, hours and tenants. operator '': nobody.
CREATE TABLE IF NOT EXISTS response_hours (
  tenant VARCHAR(64) NOT NULL,
  `hour` DATETIME(3) NOT NULL,
  operator VARCHAR(191) NOT NULL DEFAULT '',
  kind VARCHAR(32) NOT NULL,
  responses BIGINT NULL,
  sum_ms BIGINT NULL,
  max_ms BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, `hour`, operator, kind)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS response_histogram (
  tenant VARCHAR(64) NOT NULL,
  `hour` DATETIME(3) NOT NULL,
  operator VARCHAR(191) NOT NULL DEFAULT '',
  kind VARCHAR(32) NOT NULL,
  bucket INT UNSIGNED NOT NULL,
  `count` BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, `hour`, operator, kind, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Of each message: read or only sent, when it was read first, and by whom. A
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
