/*
 * rules: see rules.h. `tenants` itself has no row here: it is the lock, and
 * remembers for ever when a tenant was removed.
 */
#include "reaper/rules.h"

#include "common/xalloc.h"

const struct rule rules[] = {
	{ "chat_metrics", RULE_LIVE, { "chat" }, "chat", "as_of", NULL, false },
	{ "operator_metrics", RULE_TENANT, { "operator" }, NULL, "as_of", NULL,
	    false },
	{ "tenant_metrics", RULE_TENANT, { NULL }, NULL, "as_of", NULL, false },
	{ "event_counts", RULE_TENANT, { "`user`", "`event`" }, NULL, "as_of",
	    NULL, false },
	{ "closed_chats", RULE_TRACE, { "chat" }, "chat", "as_of", NULL,
	    false },
	{ "refused_rows", RULE_REFUSAL, { "snapshot", "table_name", "row_key" },
	    "chat", "as_of", NULL, false },
	{ "messages", RULE_HISTORY,
	    { "created_at", "conversation_id", "message_id" },
	    "conversation_id", "created_at", "created_at", true },
	{ "message_views", RULE_HISTORY,
	    { "viewed_at", "message_id", "user_id", "conversation_id" },
	    "conversation_id", "viewed_at", "viewed_at", true },
	{ "intervals", RULE_HISTORY, { "end_at", "chat", "message", "kind" },
	    "chat", "end_at", "end_at", true },
	{ "conversation_metrics", RULE_HISTORY, { "conversation_id" },
	    "conversation_id", "last_message_at", "last_message_at", false },
	{ "user_stats", RULE_HISTORY, { "user_id" }, NULL, "as_of",
	    "last_active", false },
	{ "realtime_user_activity", RULE_HISTORY, { "created_at", "user_id" },
	    NULL, "as_of", "created_at", false },
	{ "alerts", RULE_HISTORY, { "started_at", "user_id", "rule" }, NULL,
	    "as_of", "started_at", false },
	{ "trends", RULE_HISTORY, { "window_start", "word" }, NULL, "as_of",
	    "window_start", false },
	{ "channel_metrics", RULE_HISTORY, { "`hour`", "channel" }, NULL,
	    "as_of", "`hour`", false },
	{ "response_hours", RULE_HISTORY, { "`hour`", "operator", "kind" },
	    NULL, "as_of", "`hour`", false },
	{ "response_histogram", RULE_HISTORY,
	    { "`hour`", "operator", "kind", "bucket" }, NULL, "as_of", "`hour`",
	    false },
	{ "operator_metrics_parts", RULE_TENANT,
	    { "operator", "generation", "part" }, NULL, "as_of", NULL, false },
	{ "tenant_metrics_parts", RULE_TENANT, { "generation", "part" }, NULL,
	    "as_of", NULL, false },
	{ "event_counts_parts", RULE_TENANT,
	    { "`user`", "`event`", "generation", "part" }, NULL, "as_of", NULL,
	    false },
	{ "conversation_metrics_parts", RULE_HISTORY,
	    { "conversation_id", "generation", "part" }, "conversation_id",
	    "last_message_at", "last_message_at", false },
	{ "user_stats_parts", RULE_HISTORY, { "user_id", "generation", "part" },
	    NULL, "as_of", "last_active", false },
	{ "realtime_user_activity_parts", RULE_HISTORY,
	    { "created_at", "user_id", "generation", "part" }, NULL, "as_of",
	    "created_at", false },
	{ "trends_parts", RULE_HISTORY,
	    { "window_start", "word", "generation", "part" }, NULL, "as_of",
	    "window_start", false },
	{ "channel_metrics_parts", RULE_HISTORY,
	    { "`hour`", "channel", "generation", "part" }, NULL, "as_of",
	    "`hour`", false },
	{ "response_hours_parts", RULE_HISTORY,
	    { "`hour`", "operator", "kind", "generation", "part" }, NULL,
	    "as_of", "`hour`", false },
	{ "response_histogram_parts", RULE_HISTORY,
	    { "`hour`", "operator", "kind", "bucket", "generation", "part" },
	    NULL, "as_of", "`hour`", false },
	{ "events", RULE_HISTORY, { "id" }, "conversation_id", "created_at",
	    "created_at", false },
	{ "message_analytics", RULE_HISTORY, { "id" }, "conversation_id",
	    "created_at", "created_at", false },
	{ "assignments", RULE_HISTORY, { "id" }, "chat", "promised_at",
	    "promised_at", false },
};

const size_t rules_n = ARRAY_LEN(rules);

bool
rule_on_close(const struct rule *r, bool all)
{
	if (r->chat == NULL)
		return false;
	return r->kind == RULE_LIVE ||
	       (all && (r->kind == RULE_HISTORY || r->kind == RULE_REFUSAL));
}
