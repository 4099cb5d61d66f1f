/*
 * simulation: see simulation.h. The allocation is given the day's records in
 * the order of their times, without what the CRM then did with chats that are
 * now ours, and every reservation is fulfilled at once.
 */
#include "aggregator/simulation/simulation_impl.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/os/stop.h"

/* One that a record of the present time is about. */
static struct simulation_chat *
get_chat(struct simulation *w, struct text id)
{
	void **slot = strmap_put(&w->chats, id.p, id.len);
	struct simulation_chat *c = *slot;

	if (c == NULL) {
		*slot = c = xcalloc(1, sizeof *c);
		c->id = text_dup(id);
		c->waits_since = c->idle_at = CLOCK_NONE;
	}
	if (!c->changed) {
		c->changed = true;
		XGROW(
		    w->changed_chats, w->changed_chats_n, w->changed_chats_cap);
		w->changed_chats[w->changed_chats_n++] = c;
	}
	return c;
}

static struct simulation_operator *
get_operator(struct simulation *w, struct text id)
{
	void **slot = strmap_put(&w->operators, id.p, id.len);
	struct simulation_operator *o = *slot;

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof *o);
	o->id = xstrndup(id.p, id.len);
	o->limit = RECORD_NO_NUMBER; /* until they are listed */
	o->busiest_at = o->above_since = CLOCK_NONE;
	*slot = o;
	return o;
}

static void
note_waiting(const struct simulation *w, struct simulation_chat *c, bool waits)
{
	if (!waits) {
		c->idle_at = w->now;
		c->waits_since = CLOCK_NONE;
	} else if (c->waits_since == CLOCK_NONE) {
		c->waits_since = w->now;
	}
}

/* A chat that somebody had, or a bot, or that was over, keeps its place in the
 * queue, which is that of its arrival; but it has not waited since then. */
static void
count_wait(struct simulation *w, struct simulation_chat *c,
    const struct allocation_reservation *p)
{
	int64_t since = p->arrival > c->idle_at ? p->arrival : c->waits_since;

	c->due = false;
	w->served++;
	order_stats_insert(&w->waits, p->at > since ? p->at - since : 0);
}

static void
on_reserved(void *ctx, const struct allocation_reservation *p)
{
	struct simulation *w = ctx;
	struct simulation_assignment *g;

	XGROW(w->assignments, w->assignments_n, w->assignments_cap);
	g = &w->assignments[w->assignments_n++];
	*g = (struct simulation_assignment){ .chat = text_dup(p->chat),
		.operator_id = text_dup(p->operator_id),
		.id = xstrdup(p->id),
		.replaces = text_dup(p->replaces),
		.at = p->at,
		.expires = p->expires,
		.max_chats = p->max_chats };
	get_operator(w, p->operator_id)->given++;
	if (p->replaces.p == NULL)
		count_wait(w, strmap_get(&w->chats, p->chat.p, p->chat.len), p);
}

static void
on_load(void *ctx, struct text id, int64_t chats, int64_t limit)
{
	struct simulation *w = ctx;
	struct simulation_operator *o = get_operator(w, id);

	o->load = chats;
	if (limit != RECORD_NO_NUMBER)
		o->limit = limit;
	o->allowed |= limit > 0;
	if (o->load_changed)
		return;
	o->load_changed = true;
	XGROW(w->changed, w->changed_n, w->changed_cap);
	w->changed[w->changed_n++] = o;
}

/* Counts how often a load comes above the limit, and for how long it is. */
static void
compare_load(const struct simulation *w, struct simulation_operator *o)
{
	bool above = o->limit != RECORD_NO_NUMBER && o->load > o->limit;

	if (above && o->above_since == CLOCK_NONE) {
		o->breaches++;
		o->above_since = w->now;
	} else if (!above && o->above_since != CLOCK_NONE) {
		o->above_ms += w->now - o->above_since;
		o->above_since = CLOCK_NONE;
	}
	if (o->load > o->busiest) {
		o->busiest = o->load;
		o->busiest_at = w->now;
	}
	o->load_changed = false;
}

/* Records of the same time hold together: an operator who gets a chat before
 * the record that takes another one from them did not have both. */
static void
compare_loads(struct simulation *w)
{
	size_t i;

	for (i = 0; i < w->changed_n; i++)
		compare_load(w, w->changed[i]);
	w->changed_n = 0;
}

/* Every reservation is fulfilled when it is made. */
static void
fulfil_reservations(struct simulation *w)
{
	struct allocation_chat_update update = {
		.at = w->now, .opened_at = CLOCK_NONE, .has_assignee = true
	};

	for (; w->fulfilled < w->assignments_n; w->fulfilled++) {
		const struct simulation_assignment *g =
		    &w->assignments[w->fulfilled];

		update.assignee = simulation_text(g->operator_id);
		update.reservation = simulation_text(g->id);
		allocation_chat(w->a, simulation_text(g->chat), &update);
	}
}

static void
assign_waiting(struct simulation *w)
{
	/* One that goes on to another operator leaves a place behind. */
	while (allocation_select(w->a) > 0)
		fulfil_reservations(w);
	compare_loads(w);
}

/* Moves the clock forward; whatever is due before happens at its time. A chat
 * that nobody answers goes on for ever: for a day without a record, or a window
 * if that is longer, since the next may be of a wrong year; then what is due
 * waits for that record. */
static void
advance_clock(struct simulation *w, int64_t to)
{
	int64_t last = w->now + w->longest_silence, due;

	while (
	    (due = allocation_due(w->a)) < to && due <= last && !stop_asked()) {
		if (due > w->now)
			w->now = due;
		allocation_clock(w->a, w->now);
		assign_waiting(w);
	}
	if (to > w->now)
		w->now = to;
	allocation_clock(w->a, w->now);
}

/* The record says who the assignee of its chat is, if anybody. */
static bool
names_assignee(const struct record *r)
{
	return r->type == RECORD_CHAT ||
	       (r->from == FROM_SYSTEM && text_is(r->kind, "assigned"));
}

/* The chat is the CRM's, which also passes it on. */
static void
set_their_operator(struct simulation_chat *c, struct simulation_operator *o)
{
	if (c->over || c->had_by != o)
		o->theirs++;
	c->owner = OWNER_THEIRS;
	c->had_by = o;
}

/* The chat is open, and was not before, or was not ours. One that returns has
 * its operator still, unless a record says who has it now. */
static void
find_owner(struct simulation *w, struct simulation_chat *c,
    enum allocation_chat_state state)
{
	if (state == ALLOCATION_WAITS) {
		c->owner = OWNER_OURS;
		c->due = true;
		w->came++;
	} else if (c->named) {
		set_their_operator(
		    c, get_operator(w,
			   allocation_assignee(w->a, simulation_text(c->id))));
	}
	c->over = false;
}

static void
end_simulated(struct simulation *w, struct simulation_chat *c)
{
	if (!c->over) {
		note_waiting(w, c, false);
		c->over_at = w->now;
	}
	w->unserved += c->due;
	c->due = false;
	c->over = true;
}

/* Neither a repeated closing opens a chat, nor what a snapshot says of before:
 * they do not say who has one that returns. */
static bool
may_open(const struct simulation_chat *c, const struct record *r)
{
	int64_t at = r->at != CLOCK_NONE ? r->at : r->opened_at;

	return at >= c->over_at &&
	       (r->status == CHAT_NONE || r->status == CHAT_OPEN);
}

/* What said who has a chat that was over counts if the chat is open now. */
static void
apply_returns(struct simulation *w)
{
	enum allocation_chat_state state;
	struct record r;
	size_t i;

	for (i = 0; i < w->returns_n; i++) {
		replay_log_read(w->log, w->returns[i], &r);
		state = allocation_chat_state(w->a, r.chat);
		if (state != ALLOCATION_WAITS && state != ALLOCATION_HELD)
			continue;
		r.assignment = (struct text){ NULL, 0 };
		allocation_record(w->a, &r);
		get_chat(w, r.chat)->named |= r.operator_id.p != NULL;
	}
	w->returns_n = 0;
}

/* Records of the same time hold together: whose a chat is follows from all of
 * them. */
static void
find_owners(struct simulation *w)
{
	enum allocation_chat_state state;
	struct simulation_chat *c;
	size_t i;

	apply_returns(w);
	for (i = 0; i < w->changed_chats_n; i++) {
		c = w->changed_chats[i];
		state = allocation_chat_state(w->a, simulation_text(c->id));
		if (state == ALLOCATION_OVER)
			end_simulated(w, c);
		else if (state != ALLOCATION_UNKNOWN)
			note_waiting(w, c, state == ALLOCATION_WAITS);
		if ((state == ALLOCATION_WAITS || state == ALLOCATION_HELD) &&
		    (c->owner != OWNER_OURS || c->over))
			find_owner(w, c, state);
		c->changed = c->named = false;
	}
	w->changed_chats_n = 0;
}

/* While a chat is ours the records' assignees are ignored, and when it is over
 * all but those that open it. */
static void
replay_chat(
    struct simulation *w, const struct replay_entry *entry, struct record *r)
{
	struct simulation_chat *c = get_chat(w, r->chat);
	bool names = names_assignee(r);

	r->assignment = (struct text){ NULL, 0 };
	if (!names || c->owner != OWNER_OURS) {
		allocation_record(w->a, r);
		c->named |= names && r->operator_id.p != NULL;
		return;
	}
	allocation_record_unassigned(w->a, r);
	if (c->over && may_open(c, r)) {
		XGROW(w->returns, w->returns_n, w->returns_cap);
		w->returns[w->returns_n++] = entry;
	}
}

/* What left with a snapshot may return in another one. */
static void
replay_snapshot_end(struct simulation *w, int64_t at)
{
	const struct strmap_entry *e;
	size_t i = 0;

	allocation_snapshot_end(w->a, at, NULL);
	while ((e = strmap_next(&w->chats, &i)) != NULL) {
		struct text id = { e->key, e->key_len };

		if (allocation_chat_state(w->a, id) == ALLOCATION_OVER)
			end_simulated(w, e->value);
	}
}

static void
replay_operator(struct simulation *w, struct record *r)
{
	struct simulation_operator *o = get_operator(w, r->operator_id);

	if (w->limit != RECORD_NO_NUMBER)
		r->max_chats = RECORD_NO_NUMBER;
	if (r->name.p != NULL) {
		free(o->name);
		o->name = text_dup(r->name);
	}
	allocation_record(w->a, r);
	o->worked |= allocation_is_available(w->a, r->operator_id);
}

static void
apply_entry(struct simulation *w, const struct replay_entry *entry)
{
	struct record r;

	if (entry->what == REPLAY_SNAPSHOT_BEGIN) {
		allocation_snapshot_begin(w->a);
		return;
	}
	if (entry->what == REPLAY_SNAPSHOT_END) {
		replay_snapshot_end(w, entry->at);
		return;
	}
	replay_log_read(w->log, entry, &r);
	if (r.type == RECORD_OPERATOR)
		replay_operator(w, &r);
	else if (r.type != RECORD_LIMIT)
		replay_chat(w, entry, &r);
	else if (w->limit == RECORD_NO_NUMBER)
		allocation_record(w->a, &r);
}

/* Nothing is assigned within a snapshot. */
static void
replay_records(struct simulation *w)
{
	const struct replay_log *log = w->log;
	const struct strmap_entry *e;
	bool within = false;
	size_t i, j = 0;

	for (i = 0; i < log->n && !stop_asked(); i++) {
		if (!within && log->v[i].when > w->now)
			advance_clock(w, log->v[i].when);
		apply_entry(w, &log->v[i]);
		within = log->v[i].what == REPLAY_SNAPSHOT_BEGIN ||
			 (within && log->v[i].what != REPLAY_SNAPSHOT_END);
		/* Records of the same time are applied together. */
		if (within ||
		    (i + 1 < log->n && log->v[i + 1].when == log->v[i].when))
			continue;
		find_owners(w);
		assign_waiting(w);
	}
	while ((e = strmap_next(&w->operators, &j)) != NULL) {
		struct simulation_operator *o = e->value;

		if (o->above_since != CLOCK_NONE)
			o->above_ms += w->now - o->above_since;
	}
}

struct simulation *
simulation_run(const char *tenant, struct replay_log *log,
    const struct allocation_settings *set, int64_t limit)
{
	struct allocation_settings mine = *set;
	struct simulation *w = xcalloc(1, sizeof *w);
	size_t i = 0;

	w->tenant = xstrdup(tenant);
	w->limit = limit;
	w->log = log;
	w->listener = (struct allocation_listener){ w, on_reserved, on_load };
	w->longest_silence = set->window > DAY_MS ? set->window : DAY_MS;
	mine.window = INT64_MAX / 4; /* no chat is deleted */
	if (limit != RECORD_NO_NUMBER)
		mine.limit = limit;
	w->a = allocation_new(tenant, &mine, &w->listener);
	replay_log_sort(log);
	while (i < log->n && log->v[i].when == CLOCK_NONE)
		i++;
	w->now = i < log->n ? log->v[i].when : 0;
	allocation_clock(w->a, w->now);
	replay_records(w);
	return w;
}

static void
free_simulation_chat(void *p)
{
	struct simulation_chat *c = p;

	free(c->id);
	free(c);
}

static void
free_simulation_operator(void *p)
{
	struct simulation_operator *o = p;

	free(o->id);
	free(o->name);
	free(o);
}

void
simulation_free(struct simulation *w)
{
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->assignments_n; i++) {
		free(w->assignments[i].chat);
		free(w->assignments[i].operator_id);
		free(w->assignments[i].id);
		free(w->assignments[i].replaces);
	}
	free(w->assignments);
	free(w->changed);
	order_stats_release(&w->waits);
	free(w->changed_chats);
	free(w->returns);
	strmap_release(&w->chats, free_simulation_chat);
	strmap_release(&w->operators, free_simulation_operator);
	allocation_free(w->a);
	free(w->tenant);
	free(w);
}

const char *
simulation_tenant(const struct simulation *w)
{
	return w->tenant;
}

int64_t
simulation_limit(const struct simulation *w)
{
	return w->limit;
}
