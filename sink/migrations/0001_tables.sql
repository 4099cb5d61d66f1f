-- The tables of the figures (messaging-tables(5): one row is one full value),
-- what the sink and the reaper need beside them, and the view of the original
-- system.
--
-- Rules: a file is never changed once released, a new one is added. Each
-- statement ends with a semicolon at the end of a line and may be run again
-- (DDL is not transactional: a migration that was killed starts anew).
-- A table has one unique key, its primary key: ON DUPLICATE KEY UPDATE would
-- fire on any other as well. Keys are compared byte by byte (utf8mb4_bin).
-- Times are UTC. as_of is the version of a row: the newest wins.

-- One row a tenant, locked by every batch before it looks at tombstones:
-- shared by the sink for rows, exclusively for the end of a snapshot and by
-- the reaper.
CREATE TABLE IF NOT EXISTS tenants (
  tenant VARCHAR(64) NOT NULL,
  -- the newest snapshot that is stored as a whole: its time, its id, and when
  -- it was complete (our clock); NULL before the first
  as_of DATETIME(3) NULL,
  snapshot VARCHAR(191) NULL,
  stored_at DATETIME(3) NULL,
  -- set when the tenant was purged: rows up to then are refused
  removed_at DATETIME(3) NULL,
  -- an end marker that came before the last rows of its snapshot
  pending_as_of DATETIME(3) NULL,
  pending_snapshot VARCHAR(191) NULL,
  pending_records BIGINT NULL,
  PRIMARY KEY (tenant)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS operator_metrics (
  tenant VARCHAR(64) NOT NULL,
  operator VARCHAR(191) NOT NULL,
  name VARCHAR(255) NULL,
  available TINYINT NULL,
  open_chats INT UNSIGNED NULL,
  reported_open_chats INT UNSIGNED NULL,
  responses INT UNSIGNED NULL,
  avg_response_seconds DECIMAL(15,3) NULL,
  median_response_seconds DECIMAL(15,3) NULL,
  p90_response_seconds DECIMAL(15,3) NULL,
  first_responses INT UNSIGNED NULL,
  avg_first_response_seconds DECIMAL(15,3) NULL,
  waiting_chats INT UNSIGNED NULL,
  longest_wait_seconds DECIMAL(15,3) NULL,
  as_of DATETIME(3) NOT NULL,
  PRIMARY KEY (tenant, operator)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- status: open, pending, snoozed; left = no longer in the newest snapshot
CREATE TABLE IF NOT EXISTS chat_metrics (
  tenant VARCHAR(64) NOT NULL,
  chat VARCHAR(191) NOT NULL,
  operator VARCHAR(191) NULL,
  channel VARCHAR(191) NULL,
  customer VARCHAR(191) NULL,
  customer_name VARCHAR(255) NULL,
  customer_phone VARCHAR(64) NULL,
  tag VARCHAR(255) NULL,
  status VARCHAR(16) NOT NULL,
  opened_at DATETIME(3) NULL,
  last_message_at DATETIME(3) NULL,
  messages INT UNSIGNED NULL,
  participants INT UNSIGNED NULL,
  responses INT UNSIGNED NULL,
  avg_response_seconds DECIMAL(15,3) NULL,
  first_response_seconds DECIMAL(15,3) NULL,
  waiting_since DATETIME(3) NULL,
  as_of DATETIME(3) NOT NULL,
  PRIMARY KEY (tenant, chat)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS tenant_metrics (
  tenant VARCHAR(64) NOT NULL,
  operators INT UNSIGNED NULL,
  open_chats INT UNSIGNED NULL,
  unassigned_chats INT UNSIGNED NULL,
  waiting_chats INT UNSIGNED NULL,
  longest_wait_seconds DECIMAL(15,3) NULL,
  responses INT UNSIGNED NULL,
  avg_response_seconds DECIMAL(15,3) NULL,
  skewed INT UNSIGNED NULL,
  as_of DATETIME(3) NOT NULL,
  PRIMARY KEY (tenant)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS event_counts (
  tenant VARCHAR(64) NOT NULL,
  `user` VARCHAR(191) NOT NULL,
  `event` VARCHAR(191) NOT NULL,
  `count` BIGINT NULL,
  as_of DATETIME(3) NOT NULL,
  PRIMARY KEY (tenant, `user`, `event`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The tombstones: as_of is when the CRM was asked. A row of that chat is
-- stored only if it is newer.
CREATE TABLE IF NOT EXISTS closed_chats (
  tenant VARCHAR(64) NOT NULL,
  chat VARCHAR(191) NOT NULL,
  closed_at DATETIME(3) NULL,
  as_of DATETIME(3) NOT NULL,
  PRIMARY KEY (tenant, chat),
  KEY by_age (tenant, as_of)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Rows of a snapshot that are in no table on purpose: dead-lettered, or
-- refused by a tombstone. The end of a snapshot counts them as arrived.
-- row_key: the key's columns behind tenant, joined with a blank.
CREATE TABLE IF NOT EXISTS refused_rows (
  tenant VARCHAR(64) NOT NULL,
  snapshot VARCHAR(191) NOT NULL,
  table_name VARCHAR(64) NOT NULL,
  row_key VARCHAR(383) NOT NULL,
  chat VARCHAR(191) NULL,
  reason VARCHAR(255) NOT NULL,
  as_of DATETIME(3) NOT NULL,
  PRIMARY KEY (tenant, snapshot, table_name, row_key),
  KEY by_age (tenant, as_of)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What the system we replace kept in its table: one line an ongoing chat that
-- somebody holds. id is made from tenant and chat (52 bits of a hash), so it
-- stays the same; tmr_in_seconds is the wait of a chat that waits, else 0.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW reports AS
SELECT
  CAST(CONV(LEFT(MD5(CONCAT(c.tenant, ' ', c.chat)), 13), 16, 10) AS UNSIGNED)
    AS id,
  o.name AS operator_name,
  c.operator AS operator_id,
  c.chat AS dialog_id,
  CASE WHEN c.waiting_since IS NULL THEN 0
    ELSE GREATEST(0, TIMESTAMPDIFF(SECOND, c.waiting_since, c.as_of))
    END AS tmr_in_seconds,
  o.reported_open_chats AS opened_dialogs,
  c.customer_phone AS client,
  COALESCE(NULLIF(c.tag, ''), 'Sem tag') AS status_tag,
  COALESCE(c.opened_at, c.as_of) AS created_at,
  c.as_of AS updated_at,
  c.tenant AS tenant
FROM chat_metrics c
LEFT JOIN operator_metrics o
  ON o.tenant = c.tenant AND o.operator = c.operator
WHERE c.status = 'open' AND c.operator IS NOT NULL;
