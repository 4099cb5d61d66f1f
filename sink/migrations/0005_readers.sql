-- Who reads how things are now sees the parts where a tenant has any, and never
-- the rows of the table without parts beside them: those are of before.
--
-- Between a switch of the generation and the first parts of the new one, those
-- of the generation before are shown: the newest a tenant has, up to the
-- current one.

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

-- As of 0003, of that generation.
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

-- The view of 0001, with the operator from the parts where there are any. It
-- needs two columns and not the quantiles of operator_metrics_all.
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
WHERE c.status = 'open' AND c.operator IS NOT NULL;
