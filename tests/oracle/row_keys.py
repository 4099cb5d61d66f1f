"""The keys of the tables' rows, and the form of withdrawn rows.

KEYS has the columns of each key after the tenant. ZERO_IF_WITHDRAWN has the
columns that are 0 or null in a withdrawn row. A metric with a file of its own,
table_NAME.py, declares both there.
"""

import counts

KEYS = {
    "operator_metrics": ("operator",),
    "chat_metrics": ("chat",),
    "tenant_metrics": (),
    "event_counts": ("user", "event"),
    "conversation_metrics": ("conversation_id",),
    "user_stats": ("user_id",),
    "realtime_user_activity": ("created_at", "user_id"),
    "alerts": ("started_at", "user_id", "rule"),
    "trends": ("window_start", "word"),
    "channel_metrics": ("hour", "channel"),
    "intervals": ("end_at", "chat", "message", "kind"),
}
ZERO_IF_WITHDRAWN = {
    "operator_metrics": ("available", "open_chats", "responses",
                         "waiting_chats"),
    "realtime_user_activity": ("messages_last_minute",),
    "channel_metrics": ("messages",),
    "conversation_metrics": ("message_count",),
    "user_stats": ("message_count",),
    "alerts": ("messages",),
    "trends": ("occurrences",),
    "event_counts": ("count",),
}
for table, module in counts.TABLES.items():
    KEYS[table] = module.KEY
    ZERO_IF_WITHDRAWN[table] = module.ZERO_IF_WITHDRAWN


def is_zero(table, row):
    """Whether all counts of a row are 0 or null."""
    return table in ZERO_IF_WITHDRAWN and not any(
        row.get(c) for c in ZERO_IF_WITHDRAWN[table])
