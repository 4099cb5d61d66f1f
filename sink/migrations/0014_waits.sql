-- The view of 0005, in which a wait runs up to the tenant's present. A stream
-- writes the row of a chat when the chat changes, so the row's own time is the
-- begin of the wait, and stays it.
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
