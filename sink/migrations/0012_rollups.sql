-- Responses of hours, days and months of UTC, added up from response_hours,
-- response_histogram and their parts: what is asked of a month should not read
-- all of its hours. everyone 1: all operators together, operator is then ''.
-- sums: counts, sums, maxima and buckets by kind, as text. The sink writes it in
-- the transaction that stores what it is made of.
CREATE TABLE IF NOT EXISTS response_rollups (
  tenant VARCHAR(64) NOT NULL,
  everyone TINYINT NOT NULL,
  span VARCHAR(8) NOT NULL,
  begin_at DATETIME(3) NOT NULL,
  operator VARCHAR(191) NOT NULL,
  sums MEDIUMTEXT NOT NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (tenant, everyone, span, begin_at, operator),
  KEY by_operator (tenant, everyone, span, operator, begin_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Sums of message_analytics by hour of UTC and channel; channel '': none.
CREATE TABLE IF NOT EXISTS message_analytics_hours (
  tenant VARCHAR(64) NOT NULL,
  `hour` DATETIME(3) NOT NULL,
  channel VARCHAR(191) NOT NULL,
  messages BIGINT NOT NULL,
  inbound BIGINT NOT NULL,
  outbound BIGINT NOT NULL,
  sentiments BIGINT NOT NULL,
  sentiment_sum DOUBLE NOT NULL,
  responses BIGINT NOT NULL,
  response_sum DOUBLE NOT NULL,
  PRIMARY KEY (tenant, `hour`, channel)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Days that were stored before and are not added up yet: sink --migrate does
-- that, and takes them off the list.
CREATE TABLE IF NOT EXISTS rollups_due (
  tenant VARCHAR(64) NOT NULL,
  day DATETIME(3) NOT NULL,
  done TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT IGNORE INTO rollups_due (tenant, day)
  SELECT DISTINCT tenant, DATE(`hour`) FROM response_hours;
INSERT IGNORE INTO rollups_due (tenant, day)
  SELECT DISTINCT tenant, DATE(`hour`) FROM response_hours_parts;
INSERT IGNORE INTO rollups_due (tenant, day)
  SELECT DISTINCT tenant, DATE(created_at) FROM message_analytics;

-- Who wrote lately is counted without reading all conversations.
ALTER TABLE conversation_metrics ADD KEY by_time (tenant, last_message_at);
