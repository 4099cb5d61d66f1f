-- What comes in by HTTP and is no message of its own: events, and what a caller
-- found out about a message; and which chat was promised to whom. Identity is
-- (tenant, id), without a time: what a client sends again is no second row, so
-- days are no partitions here, and the index by time is for reaper --retention.

-- Every event record. session_id, source_service and so on stand in a record's
-- data; where that is of another form it is event_data as a whole. The last
-- two columns are the names of the system of before.
CREATE TABLE IF NOT EXISTS events (
  tenant VARCHAR(64) NOT NULL,
  id VARCHAR(191) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  event_type VARCHAR(191) NOT NULL,
  source_service VARCHAR(50) NULL,
  event_data MEDIUMTEXT NULL,
  user_id VARCHAR(191) NULL,
  session_id VARCHAR(191) NULL,
  conversation_id VARCHAR(191) NOT NULL DEFAULT '',
  channel_id VARCHAR(191) NULL,
  ip_address VARCHAR(45) NULL,
  user_agent TEXT NULL,
  tenant_id VARCHAR(64) GENERATED ALWAYS AS (tenant) VIRTUAL,
  updated_at DATETIME(3) GENERATED ALWAYS AS (created_at) VIRTUAL,
  PRIMARY KEY (tenant, id),
  KEY by_time (tenant, created_at),
  KEY by_chat (tenant, conversation_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What stands in the data of a message record as analytics. period_hour and
-- period_day are of created_at, in UTC.
CREATE TABLE IF NOT EXISTS message_analytics (
  tenant VARCHAR(64) NOT NULL,
  id VARCHAR(191) NOT NULL,
  created_at DATETIME(3) NOT NULL,
  message_id VARCHAR(191) NOT NULL,
  conversation_id VARCHAR(191) NOT NULL,
  channel_id VARCHAR(191) NULL,
  direction VARCHAR(10) NOT NULL,
  message_length BIGINT NULL,
  sentiment_score DOUBLE NULL,
  sentiment_label VARCHAR(20) NULL,
  sentiment_confidence DOUBLE NULL,
  intent_name VARCHAR(100) NULL,
  intent_confidence DOUBLE NULL,
  response_time DOUBLE NULL,
  tenant_id VARCHAR(64) GENERATED ALWAYS AS (tenant) VIRTUAL,
  updated_at DATETIME(3) GENERATED ALWAYS AS (created_at) VIRTUAL,
  period_hour VARCHAR(13) GENERATED ALWAYS AS (CONCAT(
    LPAD(YEAR(created_at), 4, '0'), '-', LPAD(MONTH(created_at), 2, '0'), '-',
    LPAD(DAYOFMONTH(created_at), 2, '0'), '-',
    LPAD(HOUR(created_at), 2, '0'))) VIRTUAL,
  period_day VARCHAR(10) GENERATED ALWAYS AS (CONCAT(
    LPAD(YEAR(created_at), 4, '0'), '-', LPAD(MONTH(created_at), 2, '0'), '-',
    LPAD(DAYOFMONTH(created_at), 2, '0'))) VIRTUAL,
  PRIMARY KEY (tenant, id),
  KEY by_time (tenant, created_at),
  KEY by_chat (tenant, conversation_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Every assignment record.
CREATE TABLE IF NOT EXISTS assignments (
  tenant VARCHAR(64) NOT NULL,
  id VARCHAR(191) NOT NULL,
  promised_at DATETIME(3) NOT NULL,
  chat VARCHAR(191) NOT NULL,
  operator VARCHAR(191) NOT NULL,
  expires DATETIME(3) NOT NULL,
  PRIMARY KEY (tenant, id),
  KEY by_time (tenant, promised_at),
  KEY by_chat (tenant, chat)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
