/* chatwoot: routes, lists, messages, writes; see chatwoot.h. */
#include "tests/crm/chatwoot.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

#define PAGE_ROWS 25

void
chatwoot_error(struct answer *a, unsigned status, const char *text)
{
	a->status = status;
	buf_clear(&a->body);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "error", text);
	jsonw_close(&a->body);
}

static void
get_profile(struct call *c, struct answer *a)
{
	(void)c;
	buf_adds(&a->body,
	    "{\"id\":1,\"name\":\"Admin\",\"email\":\"admin@example.test\","
	    "\"accounts\":[{\"id\":1,\"name\":\"Simulated Company\","
	    "\"status\":\"active\",\"role\":\"administrator\"}]}");
}

static void
get_agents(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const char *comma = "";

	buf_addc(&a->body, '[');
	for (size_t i = 0; i < w->operators_n; i++) {
		if (!worker_is_agent(&w->operators[i]))
			continue;
		buf_adds(&a->body, comma);
		comma = ",";
		chatwoot_agent(&a->body, w, (int32_t)i);
	}
	buf_addc(&a->body, ']');
}

struct row {
	int64_t key;
	size_t dialog;
};

static int
by_key(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	return a->key != b->key
		   ? (a->key < b->key ? -1 : 1)
		   : (a->dialog > b->dialog) - (a->dialog < b->dialog);
}

/* Conversations are ordered by their last activity, which is the number of the
 * last message. */
static int64_t
activity(const struct world *w, const struct dialog *d)
{
	(void)w;
	return d->messages_n > 0 ? d->messages[d->messages_n - 1] : -1;
}

/* Lists the conversations with a status, in order of their last activity, the
 * oldest first. */
static size_t
list(const struct world *w, const char *status, struct row *rows)
{
	bool all = strcmp(status, "all") == 0;
	size_t n = 0;

	for (size_t i = 0; i < w->dialogs_n; i++) {
		const struct dialog *d = &w->dialogs[i];

		if (d->gone || d->messages_n == 0 ||
		    (!all && strcmp(chatwoot_status(d), status) != 0))
			continue;
		rows[n++] = (struct row){ activity(w, d), i };
	}
	qsort(rows, n, sizeof *rows, by_key);
	return n;
}

static bool
is_shown(const struct world *w, const struct dialog *d, int64_t within,
    size_t number, size_t first)
{
	if (within > 0)
		return chatwoot_updated_at(w, d) > w->now - within * 1000;
	return number >= first && number < first + PAGE_ROWS;
}

static void
get_conversations(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const char *status = c->query(c->ctx, "status");
	const char *sort = c->query(c->ctx, "sort_by"), *comma = "";
	bool asc = sort != NULL && strcmp(sort, "last_activity_at_asc") == 0;
	int64_t within = call_int(c, "updated_within", 0);
	int64_t page = c->same_page ? 1 : call_int(c, "page", 1);
	struct row *rows = xcalloc(w->dialogs_n + 1, sizeof *rows);
	size_t n, i;

	if (c->disturb >= 0 && page > 1)
		disturb(w, c->disturb);
	n = list(w, status != NULL ? status : "open", rows);
	buf_addf(&a->body,
	    "{\"data\":{\"meta\":{\"mine_count\":0,\"assigned_count\":0,"
	    "\"unassigned_count\":0,\"all_count\":%zu},\"payload\":[",
	    n);
	for (i = 0; i < n; i++) {
		const struct dialog *d =
		    &w->dialogs[rows[asc ? i : n - 1 - i].dialog];

		if (!is_shown(w, d, within, i,
			(size_t)(page > 0 ? page - 1 : 0) * PAGE_ROWS))
			continue;
		buf_adds(&a->body, comma);
		comma = ",";
		chatwoot_conversation(&a->body, w, d);
	}
	buf_adds(&a->body, "]}}");
	free(rows);
}

/* Finds an existing conversation; returns NULL after a "not found" answer. */
static struct dialog *
find(const struct world *w, int64_t id, struct answer *a)
{
	struct dialog *d = world_dialog(w, id);

	if (d != NULL && !d->gone)
		return d;
	chatwoot_error(a, 404, "Resource could not be found");
	return NULL;
}

static void
get_conversation(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const struct dialog *d = find(w, c->id, a);

	if (d != NULL)
		chatwoot_conversation(&a->body, w, d);
}

static int
by_time(const void *x, const void *y)
{
	const struct message *const *a = x, *const *b = y;

	if ((*a)->at != (*b)->at)
		return (*a)->at < (*b)->at ? -1 : 1;
	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

/* Lists the messages with ids from `from` to before `before`, the earliest
 * first. */
static size_t
list_messages(const struct world *w, const struct dialog *d, int64_t from,
    int64_t before, const struct message **rows)
{
	size_t i, n = 0;

	for (i = 0; i < d->messages_n; i++) {
		const struct message *m = &w->messages[d->messages[i]];

		if (m->id >= from && m->id < before)
			rows[n++] = m;
	}
	qsort(rows, n, sizeof *rows, by_time);
	return n;
}

/* Answers with the newest 20 messages, the newest 20 before an id, the earliest
 * 100 after an id, or the earliest 1000 from an id to before another. */
static void
get_messages(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const struct dialog *d = find(w, c->id, a);
	int64_t after = call_int(c, "after", -1);
	int64_t before = call_int(c, "before", INT64_MAX);
	const struct message **rows;
	size_t i, n, from = 0;

	if (d == NULL)
		return;
	rows = xcalloc(d->messages_n + 1, sizeof(*rows));
	n = list_messages(
	    w, d, before == INT64_MAX ? after + 1 : after, before, rows);
	if (after < 0)
		from = n > 20 ? n - 20 : 0;
	else if (n > (before == INT64_MAX ? 100 : 1000))
		n = before == INT64_MAX ? 100 : 1000;
	buf_adds(&a->body, "{\"meta\":{\"labels\":[]},\"payload\":[");
	for (i = from; i < n; i++) {
		buf_adds(&a->body, i > from ? "," : "");
		chatwoot_message(&a->body, w, rows[i]);
	}
	buf_adds(&a->body, "]}");
	free(rows);
}

/* Adds a member of the report that a test has set, or "[]". */
static void
add_reported(
    const struct sim *s, const char *group, const char *key, struct answer *a)
{
	json_t *all = json_loadb(s->report.data, s->report.len, 0, NULL);
	json_t *v = json_object_get(all, group);
	char *text;

	if (key != NULL)
		v = json_object_get(v, key);
	text = v != NULL ? json_dumps(v, JSON_COMPACT) : xstrdup("[]");
	buf_adds(&a->body, text);
	free(text);
	json_decref(all);
}

static void
get_report(struct call *c, struct answer *a)
{
	const char *hours = c->query(c->ctx, "business_hours");

	add_reported(c->sim,
	    hours != NULL && strcmp(hours, "true") == 0 ? "business_hours"
							: "agents",
	    NULL, a);
}

static void
get_events(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	char key[24];

	if (find(w, c->id, a) == NULL)
		return;
	(void)snprintf(key, sizeof key, "%lld", (long long)c->id);
	add_reported(c->sim, "events", key, a);
}

/* The first inbox has opening hours: Monday to Friday 9:00 to 17:30, Saturday
 * all day, as Chatwoot's page sets them. */
static void
add_working_hours(struct buf *to)
{
	jsonw_str(to, "timezone", "Europe/Lisbon");
	jsonw_key(to, "working_hours");
	jsonw_list(to);
	for (int day = 0; day < 7; day++) {
		jsonw_next(to);
		jsonw_open(to);
		jsonw_int(to, "day_of_week", day);
		jsonw_bool(to, "closed_all_day", day == 0);
		jsonw_bool(to, "open_all_day", day == 6);
		jsonw_int(to, "open_hour", day == 6 ? 0 : 9);
		jsonw_int(to, "open_minutes", 0);
		jsonw_int(to, "close_hour", day == 6 ? 23 : 17);
		jsonw_int(to, "close_minutes", day == 6 ? 59 : 30);
		jsonw_close(to);
	}
	jsonw_list_end(to);
}

static void
get_inboxes(struct call *c, struct answer *a)
{
	buf_adds(&a->body, "{\"payload\":[");
	for (size_t i = 0; i < WORLD_CHANNELS; i++) {
		buf_adds(&a->body, i > 0 ? "," : "");
		jsonw_open(&a->body);
		jsonw_int(&a->body, "id", world_channels[i].id);
		jsonw_str(&a->body, "name", world_channels[i].name);
		jsonw_bool(&a->body, "enable_auto_assignment",
		    c->sim->auto_assign && i == 0);
		jsonw_bool(&a->body, "working_hours_enabled", i == 0);
		add_working_hours(&a->body);
		jsonw_close(&a->body);
	}
	buf_adds(&a->body, "]}");
}

static void
get_teams(struct call *c, struct answer *a)
{
	struct world *w = c->world;

	buf_addc(&a->body, '[');
	for (int team = 1; w->opt.apart && team <= CHATWOOT_TEAMS; team++) {
		buf_adds(&a->body, team > 1 ? "," : "");
		jsonw_open(&a->body);
		jsonw_int(&a->body, "id", team);
		jsonw_str(&a->body, "name", team == 1 ? "sales" : "support");
		jsonw_bool(&a->body, "allow_auto_assign",
		    c->sim->auto_assign && team == 1);
		jsonw_close(&a->body);
	}
	buf_addc(&a->body, ']');
}

static void
add_members(struct buf *to, const struct world *w, int64_t inbox, int64_t team)
{
	const char *comma = "";

	buf_addc(to, '[');
	for (size_t i = 0; i < w->operators_n; i++) {
		if (!worker_is_agent(&w->operators[i]) ||
		    !chatwoot_is_member(w, (int32_t)i, inbox, team))
			continue;
		buf_adds(to, comma);
		comma = ",";
		chatwoot_agent(to, w, (int32_t)i);
	}
	buf_addc(to, ']');
}

static void
get_inbox_members(struct call *c, struct answer *a)
{
	struct world *w = c->world;

	buf_adds(&a->body, "{\"payload\":");
	add_members(&a->body, w, c->id, 0);
	buf_addc(&a->body, '}');
}

static void
get_team_members(struct call *c, struct answer *a)
{
	struct world *w = c->world;

	add_members(&a->body, w, 0, c->id);
}

/* Assigns the conversation to any agent of the account, as Chatwoot does. An
 * unknown agent removes the present assignee. */
static void
assign(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	json_t *body = json_loadb(c->body.data, c->body.len, 0, NULL);
	struct dialog *d = find(w, c->id, a);
	int32_t who = world_operator(
	    w, json_integer_value(json_object_get(body, "assignee_id")));
	int32_t i, before;

	json_decref(body);
	if (d == NULL)
		return;
	if (who != NO_OPERATOR && !worker_is_agent(&w->operators[who]))
		who = NO_OPERATOR;
	i = (int32_t)(d - w->dialogs);
	before = d->assignee;
	if (who != NO_OPERATOR &&
	    !chatwoot_is_member(
		w, who, world_channels[d->channel].id, chatwoot_team(w, d)))
		d->stranger = true;
	world_give(w, i, who, w->now);
	world_did(w, DEED_ASSIGNED, i, who, before);
	if (who == NO_OPERATOR)
		buf_adds(&a->body, "null");
	else
		chatwoot_agent(&a->body, w, who);
}

const struct route chatwoot_routes[] = {
	{ METHOD_GET, "/api/v1/profile", get_profile },
	{ METHOD_GET, "/api/v1/accounts/1/agents", get_agents },
	{ METHOD_GET, "/api/v1/accounts/1/inboxes", get_inboxes },
	{ METHOD_GET, "/api/v1/accounts/1/inbox_members/{id}",
	    get_inbox_members },
	{ METHOD_GET, "/api/v1/accounts/1/teams", get_teams },
	{ METHOD_GET, "/api/v1/accounts/1/teams/{id}/team_members",
	    get_team_members },
	{ METHOD_GET, "/api/v1/accounts/1/conversations", get_conversations },
	{ METHOD_GET, "/api/v1/accounts/1/conversations/{id}",
	    get_conversation },
	{ METHOD_GET, "/api/v1/accounts/1/conversations/{id}/messages",
	    get_messages },
	{ METHOD_POST, "/api/v1/accounts/1/conversations/{id}/assignments",
	    assign },
	{ METHOD_GET, "/api/v1/accounts/1/conversations/{id}/reporting_events",
	    get_events },
	{ METHOD_GET, "/api/v1/accounts/1/webhooks", chatwoot_hooks },
	{ METHOD_POST, "/api/v1/accounts/1/webhooks", chatwoot_post_hook },
	{ METHOD_PATCH, "/api/v1/accounts/1/webhooks/{id}",
	    chatwoot_patch_hook },
	{ METHOD_DELETE, "/api/v1/accounts/1/webhooks/{id}",
	    chatwoot_delete_hook },
	{ METHOD_GET, "/api/v2/accounts/1/summary_reports/agent", get_report },
	{ .pattern = NULL },
};
