/*
 * rules: see rules.h. `tenants` itself has no row here: it is the lock, and
 * remembers for ever when a tenant was removed.
 */
#include "reaper/rules.h"

#include "common/xalloc.h"

const struct rule rules[] = {
	{ "chat_metrics", RULE_LIVE, { "chat" }, "chat", "as_of" },
	{ "operator_metrics", RULE_TENANT, { "operator" }, NULL, "as_of" },
	{ "tenant_metrics", RULE_TENANT, { NULL }, NULL, "as_of" },
	{ "event_counts", RULE_TENANT, { "`user`", "`event`" }, NULL, "as_of" },
	{ "closed_chats", RULE_TRACE, { "chat" }, "chat", "as_of" },
	{ "refused_rows", RULE_HISTORY, { "snapshot", "table_name", "row_key" },
	    "chat", "as_of" },
};

const size_t rules_n = ARRAY_LEN(rules);

bool
rule_on_close(const struct rule *r, bool all)
{
	return r->kind == RULE_LIVE || (all && r->kind == RULE_HISTORY);
}
