-- How many chats an operator is given at a time, as scripts/limits said last.
-- No operator: everybody's; no channel: whatever the channel. NULL: what holds
-- without it.
CREATE TABLE IF NOT EXISTS allocation_limits (
  tenant VARCHAR(64) NOT NULL,
  operator VARCHAR(191) NOT NULL,
  channel VARCHAR(191) NOT NULL,
  max_chats INT UNSIGNED NULL,
  as_of DATETIME(3) NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (tenant, operator, channel)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
