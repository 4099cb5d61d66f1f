-- The most messages in a row by one side of a conversation; of several
-- aggregators each stores its part.
CREATE TABLE IF NOT EXISTS longest_monologue (
  `tenant` VARCHAR(64) NOT NULL,
  `conversation_id` VARCHAR(191) NOT NULL,
  `messages` BIGINT NULL,
  `last_message_at` DATETIME(3) NOT NULL,
  `as_of` DATETIME(3) NOT NULL,
  `version` BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (`tenant`, `conversation_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS longest_monologue_parts (
  `tenant` VARCHAR(64) NOT NULL,
  `conversation_id` VARCHAR(191) NOT NULL,
  `generation` INT UNSIGNED NOT NULL,
  `part` INT UNSIGNED NOT NULL,
  `messages` BIGINT NULL,
  `last_message_at` DATETIME(3) NOT NULL,
  `as_of` DATETIME(3) NOT NULL,
  `version` BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (`tenant`, `conversation_id`, `generation`, `part`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW longest_monologue_all AS
SELECT
  `tenant`, `conversation_id`,
  MAX(`messages`) AS `messages`,
  MAX(`last_message_at`) AS `last_message_at`,
  MAX(`as_of`) AS `as_of`,
  MAX(`version`) AS `version`
FROM (
  SELECT
    `tenant`,
    `conversation_id`,
    `messages`,
    `last_message_at`,
    `as_of`,
    `version`
  FROM longest_monologue
  UNION ALL SELECT
    `tenant`,
    `conversation_id`,
    `messages`,
    `last_message_at`,
    `as_of`,
    `version`
  FROM longest_monologue_parts
) s
GROUP BY
  `tenant`, `conversation_id`;
