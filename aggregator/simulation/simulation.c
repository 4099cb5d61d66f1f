/*
 * simulation: see simulation.h. The model gets the day's records in order of
 * time. For chats that the simulation assigns, the CRM's assignees are replaced
 * by ours. The allocation reads the model, and every reservation is fulfilled
 * at once. The result follows at the end of this file: rows of the two
 * allocation tables, the assignments as records, and a table for a team lead.
 */
#include "aggregator/simulation/simulation.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/os/stop.h"
#include "common/output/output_table.h"

#include "aggregator/containers/order_stats.h"
#include "aggregator/model/model.h"

/* The day's records, which are kept as lines until all are known. */

struct replay_entry {
	int64_t when; /* when it is applied; for a record of a snapshot, its
		       * begin */
	int64_t at, available_at; /* times that the line may lack */
	size_t line, len;         /* its place in the log's lines */
	size_t order;             /* of entries with the same time */
	enum replay_kind what;
};

void
replay_log_release(struct replay_log *log)
{
	free(log->v);
	buf_release(&log->lines);
	flat_release(&log->flat);
	*log = (struct replay_log){ .v = NULL };
}

static bool
is_of_interest(const struct record *r)
{
	switch (r->type) {
	case RECORD_OPERATOR:
	case RECORD_CHAT:
	case RECORD_LIMIT:
		return true;
	case RECORD_MESSAGE:
		return !r->about;
	case RECORD_UNKNOWN:
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_EVENT:
	case RECORD_ASSIGNMENT:
	case RECORD_COVERAGE:
	case RECORD_NAME:
	case RECORD_NOTICE:
	case RECORD_ROW:
	case RECORD_TYPES:
		break;
	}
	return false;
}

void
replay_log_add(struct replay_log *log, const struct record *r, const char *line,
    size_t len, int64_t snapshot_at)
{
	int64_t when =
	    snapshot_at != CLOCK_NONE ? snapshot_at : model_record_time(r);
	int64_t at = r->at;

	if (!is_of_interest(r))
		return;
	/* As the model dates a chat without a time. */
	if (r->type == RECORD_CHAT && at == CLOCK_NONE)
		at = snapshot_at;
	/* A record without a time is applied with the previous one. */
	if (when == CLOCK_NONE && log->n > 0)
		when = log->v[log->n - 1].when;
	XGROW(log->v, log->n, log->cap);
	log->v[log->n++] = (struct replay_entry){ .when = when,
		.at = at,
		.available_at = r->available_at,
		.line = log->lines.len,
		.len = len,
		.what = REPLAY_RECORD };
	buf_add(&log->lines, line, len);
}

void
replay_log_mark(struct replay_log *log, enum replay_kind what, int64_t at)
{
	XGROW(log->v, log->n, log->cap);
	log->v[log->n++] =
	    (struct replay_entry){ .when = at, .at = at, .what = what };
}

static int
compare_entries(const void *a, const void *b)
{
	const struct replay_entry *x = a, *y = b;

	if (x->when != y->when)
		return x->when < y->when ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* Sorts the entries by time; those with the same time keep their order. */
static void
sort_log(struct replay_log *log)
{
	static const char behind[64]; /* see record_parse() */
	size_t i;

	buf_add(&log->lines, behind, sizeof behind);
	for (i = 0; i < log->n; i++)
		log->v[i].order = i;
	sort_array(log->v, log->n, sizeof *log->v, compare_entries);
}

/* Reads the record of an entry; borrowed until the next call. */
static void
read_entry(
    struct replay_log *log, const struct replay_entry *e, struct record *r)
{
	struct buf why = BUF_INIT;

	/* It has been read before. */
	if (record_parse(
		r, &log->flat, log->lines.data + e->line, e->len, &why) == -1)
		prog_die(PROG_SOFTWARE,
		    "bug: a record cannot be read a second time: %s",
		    buf_str(&why));
	buf_release(&why);
	r->at = e->at;
	r->available_at = e->available_at;
}

/* The chats and operators of the simulated day. */

enum simulation_state {
	SIMULATED_UNKNOWN, /* no record has reported its status yet */
	SIMULATED_OVER,    /* closed or gone */
	SIMULATED_ASIDE,   /* pending or snoozed */
	SIMULATED_WAITS,
	SIMULATED_HELD
};

/* Shows who assigns the operator of a chat in its current or last episode. */
enum chat_owner { OWNER_UNKNOWN, OWNER_OURS, OWNER_THEIRS };

struct simulation_operator {
	char *id, *name; /* name: NULL if unknown */
	size_t given, theirs, breaches;
	int64_t limit, load; /* as last reported */
	int64_t busiest, busiest_at;
	int64_t above_since, above_ms; /* CLOCK_NONE: not above */
};

struct simulation_chat {
	char *id;
	enum chat_owner owner;
	struct simulation_operator *had_by; /* for OWNER_THEIRS: the last
					     * operator */
	bool over;                          /* closed or left; it may return */
	int64_t over_at;     /* since when, if it was ever closed */
	bool due;            /* it has arrived, and is neither assigned nor
			      * closed */
	int64_t waits_since; /* without a pause; CLOCK_NONE: deferred */
	int64_t idle_at;     /* when it was last seen not waiting, or
			      * CLOCK_NONE */
	bool changed;        /* by records of the current time */
	bool named;          /* these records name its operator */
};

struct simulation {
	char *tenant;
	struct model model; /* the records, with our assignees */
	struct allocation *a;
	struct replay_log *log;
	struct allocation_listener listener;
	int64_t limit, now, longest_silence;
	struct strmap chats, operators;
	/* Chats whose assigner must be determined. */
	struct simulation_chat **changed_chats;
	size_t changed_chats_n, changed_chats_cap;
	/* Records that name the operators of chats that return at this time. */
	const struct replay_entry **returns;
	size_t returns_n, returns_cap;
	struct buf assignments; /* records, a line each */
	struct order_stats waits;
	size_t came, served, moved, unserved;
};

/* Returns the chat of a record, with the current time. */
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
	o->limit = RECORD_NO_NUMBER; /* until the record that lists them */
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

/* A chat that had an operator or a bot, or was closed, keeps its place in the
 * queue, which depends on its arrival, although it has not been waiting all the
 * time since then. */
static void
count_wait(struct simulation *w, struct simulation_chat *c,
    const struct allocation_reservation *p)
{
	int64_t since = p->arrival > c->idle_at ? p->arrival : c->waits_since;

	c->due = false;
	w->served++;
	order_stats_insert(&w->waits, p->at > since ? p->at - since : 0);
}

/* Fulfils a reservation when it is made. The chat may have a record with a
 * future time. */
static void
fulfil_reservation(struct simulation *w, const struct allocation_reservation *p)
{
	const struct chat *c = model_find_chat(&w->model, p->chat);
	struct record r;

	memset(&r, 0, sizeof r);
	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = p->chat;
	r.id = text_from(p->id);
	r.at = c->newest > w->now ? c->newest : w->now;
	r.from = FROM_SYSTEM;
	r.kind = text_from("assigned");
	r.operator_id = p->operator_id;
	(void)model_add(&w->model, &r);
}

static void
on_reserved(void *ctx, const struct allocation_reservation *p)
{
	struct allocation_reservation simulated = *p;
	struct simulation *w = ctx;

	simulated.simulated = true;
	allocation_write(&simulated, &w->assignments);
	buf_addc(&w->assignments, '\n');
	get_operator(w, p->operator_id)->given++;
	if (p->replaces.p == NULL)
		count_wait(w, strmap_get(&w->chats, p->chat.p, p->chat.len), p);
	else
		w->moved++;
	fulfil_reservation(w, p);
}

static void
on_load(void *ctx, struct text id, int64_t chats, int64_t limit)
{
	struct simulation_operator *o = get_operator(ctx, id);

	o->load = chats;
	if (limit != RECORD_NO_NUMBER)
		o->limit = limit;
}

/* Counts how often, and for how long, a load exceeds the limit. */
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
}

/* Records with the same time are compared together: if an operator gets a chat
 * just before a record takes another one away, the operator never had both. */
static void
compare_loads(struct simulation *w)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&w->operators, &i)) != NULL)
		compare_load(w, e->value);
}

/* The allocation reads the changes since the last call. */
static void
read_records(struct simulation *w)
{
	model_recompute(&w->model);
	allocation_read(w->a, &w->model, false);
	model_clear_changed(&w->model);
}

static void
assign_waiting(struct simulation *w)
{
	/* A chat that moves to another operator frees a slot. */
	while (allocation_select(w->a) > 0)
		read_records(w);
	compare_loads(w);
}

/* Advances the clock; everything that becomes due before `to` happens at its
 * time. A chat that nobody answers would always have another event due, so this
 * stops a day (or a window, if longer) after the last record; the next record
 * may have a wrong year. Events that are then due wait for that record. */
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

/* True if the record names the assignee of its chat, or reports that there is
 * none. */
static bool
names_assignee(const struct record *r)
{
	return r->type == RECORD_CHAT ||
	       (r->from == FROM_SYSTEM && text_is(r->kind, "assigned"));
}

/* Marks the chat as one whose operators the CRM chooses. */
static void
set_their_operator(struct simulation_chat *c, struct simulation_operator *o)
{
	if (c->over || c->had_by != o)
		o->theirs++;
	c->owner = OWNER_THEIRS;
	c->had_by = o;
}

static struct text
our_assignee(const struct simulation *w, struct text chat)
{
	const struct chat *c = model_find_chat(&w->model, chat);

	return model_name(&w->model, c != NULL ? c->now.assignee : 0);
}

static bool
is_simulated_over(const struct simulation *w, struct text chat)
{
	const struct chat *c = model_find_chat(&w->model, chat);

	return c != NULL && status_is_over(c->now.status);
}

static enum simulation_state
state_of_chat(struct simulation *w, struct text chat)
{
	struct chat *c = model_find_chat(&w->model, chat);

	switch (c != NULL ? model_standing(&w->model, c).status : CHAT_NONE) {
	case CHAT_NONE:
		return SIMULATED_UNKNOWN;
	case CHAT_CLOSED:
	case CHAT_GONE:
		return SIMULATED_OVER;
	case CHAT_PENDING:
	case CHAT_SNOOZED:
		return SIMULATED_ASIDE;
	case CHAT_OPEN:
		break;
	}
	return c->now.assignee != 0 ? SIMULATED_HELD : SIMULATED_WAITS;
}

/* Decides who assigns a chat that has just opened. A chat that returns keeps
 * its operator unless a record names another one. */
static void
find_owner(struct simulation *w, struct simulation_chat *c,
    enum simulation_state state)
{
	if (state == SIMULATED_WAITS) {
		c->owner = OWNER_OURS;
		c->due = true;
		w->came++;
	} else if (c->named) {
		set_their_operator(
		    c, get_operator(w, our_assignee(w, text_from(c->id))));
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

/* False for a repeated closing and for the part of a snapshot about the past:
 * they do not name the assignee of a chat that returns. */
static bool
may_open(const struct simulation_chat *c, const struct record *r)
{
	int64_t at = r->at != CLOCK_NONE ? r->at : r->opened_at;

	return at >= c->over_at &&
	       (r->status == CHAT_NONE || r->status == CHAT_OPEN);
}

/* Records that named the operator of a closed chat count if the chat is now
 * open. */
static void
apply_returns(struct simulation *w)
{
	enum simulation_state state;
	struct record r;
	size_t i;

	for (i = 0; i < w->returns_n; i++) {
		read_entry(w->log, w->returns[i], &r);
		state = state_of_chat(w, r.chat);
		if (state != SIMULATED_WAITS && state != SIMULATED_HELD)
			continue;
		(void)model_add(&w->model, &r);
		get_chat(w, r.chat)->named |= r.operator_id.p != NULL;
	}
	if (w->returns_n > 0)
		read_records(w);
	w->returns_n = 0;
}

/* Decides who assigns the changed chats, from all records with the same time
 * together. */
static void
find_owners(struct simulation *w)
{
	enum simulation_state state;
	struct simulation_chat *c;
	size_t i;

	read_records(w);
	apply_returns(w);
	for (i = 0; i < w->changed_chats_n; i++) {
		c = w->changed_chats[i];
		state = state_of_chat(w, text_from(c->id));
		if (state == SIMULATED_OVER)
			end_simulated(w, c);
		else if (state != SIMULATED_UNKNOWN)
			note_waiting(w, c, state == SIMULATED_WAITS);
		if ((state == SIMULATED_WAITS || state == SIMULATED_HELD) &&
		    (c->owner != OWNER_OURS || c->over))
			find_owner(w, c, state);
		c->changed = c->named = false;
	}
	w->changed_chats_n = 0;
}

/* While the simulation assigns a chat, it keeps our assignee, regardless of the
 * records. After it is closed, the record that reopens it names the
 * assignee. */
static void
replay_chat(
    struct simulation *w, const struct replay_entry *entry, struct record *r)
{
	struct simulation_chat *c = get_chat(w, r->chat);
	bool names = names_assignee(r);
	bool opens = c->over && may_open(c, r);

	if (names && c->owner == OWNER_OURS &&
	    !(opens && r->type == RECORD_CHAT)) {
		if (opens) {
			XGROW(w->returns, w->returns_n, w->returns_cap);
			w->returns[w->returns_n++] = entry;
			return;
		}
		r->operator_id = our_assignee(w, r->chat);
		names = false;
	}
	(void)model_add(&w->model, r);
	c->named |= names && r->operator_id.p != NULL;
}

/* A chat that is missing from a snapshot may return in a later one. */
static void
replay_snapshot_end(struct simulation *w)
{
	const struct strmap_entry *e;
	size_t i = 0;

	model_end_snapshot(&w->model);
	read_records(w);
	while ((e = strmap_next(&w->chats, &i)) != NULL) {
		struct text id = { e->key, e->key_len };

		if (is_simulated_over(w, id))
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
	(void)model_add(&w->model, r);
}

static void
apply_entry(struct simulation *w, const struct replay_entry *entry)
{
	struct record r;

	if (entry->what == REPLAY_SNAPSHOT_BEGIN) {
		model_begin_snapshot(&w->model, entry->at);
		return;
	}
	if (entry->what == REPLAY_SNAPSHOT_END) {
		replay_snapshot_end(w);
		return;
	}
	read_entry(w->log, entry, &r);
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
		/* Records with the same time are applied together. */
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
	model_init(&w->model, text_from(tenant));
	w->model.stream = w->model.incremental = true;
	w->model.no_events = true;
	w->model.no_figures = true;
	if (limit != RECORD_NO_NUMBER)
		mine.limit = limit;
	w->a = allocation_new(tenant, &mine, &w->listener);
	sort_log(log);
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
	if (w == NULL)
		return;
	buf_release(&w->assignments);
	order_stats_release(&w->waits);
	free(w->changed_chats);
	free(w->returns);
	strmap_release(&w->chats, free_simulation_chat);
	strmap_release(&w->operators, free_simulation_operator);
	allocation_free(w->a);
	model_release(&w->model);
	free(w->tenant);
	free(w);
}

/* The result: assignments, rows, a table for people. */

int
simulation_assignments(const struct simulation *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx)
{
	return buf_each_line(&w->assignments, line, ctx);
}

static int
by_id(const void *a, const void *b)
{
	const char *x = (*(struct simulation_operator *const *)a)->id;
	const char *y = (*(struct simulation_operator *const *)b)->id;

	return id_compare(x, strlen(x), y, strlen(y));
}

/* Returns the operators sorted by id, with NULL at the end; owned by the
 * caller. */
static struct simulation_operator **
sort_simulated(const struct simulation *w)
{
	struct simulation_operator **list =
	    xcalloc(w->operators.live + 1, sizeof *list);
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->operators, &i)) != NULL)
		list[n++] = e->value;
	sort_array(list, n, sizeof(struct simulation_operator *), by_id);
	return list;
}

static void
emit_operators(const struct simulation *w, struct rowset *to)
{
	struct simulation_operator **list = sort_simulated(w);
	size_t i;

	for (i = 0; list[i] != NULL; i++) {
		const struct simulation_operator *o = list[i];
		struct cell *c = rowset_add(to);

		c = cell_text(c, o->id);
		/* An assignee may be missing from the directory. */
		c = o->name != NULL ? cell_text(c, o->name)
				    : cell_id(c, (struct text){ NULL, 0 });
		c = cell_number(c, o->limit);
		c = cell_count(c, o->given);
		c = cell_count(c, o->theirs);
		c = cell_number(c, o->busiest);
		c = cell_number(c, o->busiest_at);
		c = cell_count(c, o->breaches);
		(void)cell_number(c, o->above_ms);
	}
	free(list);
}

/* Counts unassigned chats, except those that are deferred. */
static size_t
count_waiting(const struct simulation *w)
{
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->chats, &i)) != NULL) {
		const struct simulation_chat *c = e->value;

		n += c->due && c->waits_since != CLOCK_NONE;
	}
	return n;
}

/* A look-up by rank may rearrange the set, which changes no result. */
static struct order_stats *
waits_of(const struct simulation *w)
{
	return (struct order_stats *)(uintptr_t)&w->waits;
}

static void
emit_totals(const struct simulation *w, struct rowset *to)
{
	struct order_stats *waits = waits_of(w);
	struct cell *c = rowset_add(to);

	c = cell_count(c, w->came);
	c = cell_count(c, w->served);
	c = cell_count(c, w->moved);
	c = cell_count(c, w->unserved);
	c = cell_count(c, count_waiting(w));
	c = cell_number(c, order_stats_mean(waits));
	c = cell_number(c, order_stats_median(waits));
	c = cell_number(c, order_stats_percentile(waits, 90));
	(void)cell_number(c, order_stats_max(waits));
}

/* These tables are for one-shot runs only; in a stream, allocation makes
 * reservations (stream_flush.c). */
const struct metric metric_allocation_operators = {
	.table = &tables[TABLE_allocation_operators],
	.acts = true,
	.emit_simulation = emit_operators,
};

const struct metric metric_allocation_totals = {
	.table = &tables[TABLE_allocation_totals],
	.acts = true,
	.emit_simulation = emit_totals,
};

static void
add_number_cell(struct output_table *t, int64_t n)
{
	struct buf b = BUF_INIT;

	buf_addi(&b, n);
	output_table_cell(t, buf_str(&b));
	buf_release(&b);
}

static void
add_operator_line(struct output_table *t, const struct simulation_operator *o)
{
	struct buf label = BUF_INIT;
	char text[CLOCK_TEXT];

	if (o->name != NULL)
		buf_addf(&label, "%s (%s)", o->name, o->id);
	else
		buf_adds(&label, o->id);
	output_table_cell(t, buf_str(&label));
	buf_release(&label);
	if (o->limit != RECORD_NO_NUMBER)
		add_number_cell(t, o->limit);
	else
		output_table_cell(t, NULL);
	add_number_cell(t, (int64_t)o->given);
	add_number_cell(t, (int64_t)o->theirs);
	add_number_cell(t, o->busiest);
	if (o->busiest_at != CLOCK_NONE)
		clock_format_local(o->busiest_at, true, text);
	output_table_cell(t, o->busiest_at != CLOCK_NONE ? text : NULL);
	add_number_cell(t, (int64_t)o->breaches);
	output_table_cell(
	    t, o->above_ms > 0 ? duration_format(o->above_ms, text) : NULL);
}

/* "Given to an operator      8" */
static void
add_count_line(struct buf *to, const char *what, size_t n)
{
	buf_addf(to, "%-36s%6zu\n", what, n);
}

/* Adds how often chats arrived and how they ended; rare outcomes only if there
 * are any. A chat that returns arrives again. */
static void
add_count_lines(struct buf *to, const struct simulation *w)
{
	size_t waiting = count_waiting(w),
	       ended = w->served + w->unserved + waiting;

	add_count_line(to, "Unassigned chats that arrived:", w->came);
	add_count_line(to, "  assigned", w->served);
	add_count_line(to, "  ended before an operator got it", w->unserved);
	add_count_line(to, "  waiting at the end", waiting);
	if (w->came > ended)
		add_count_line(to, "  set aside at the end", w->came - ended);
	if (w->moved > 0)
		add_count_line(to, "Chats passed on:", w->moved);
}

static void
add_wait(struct buf *to, const char *before, int64_t ms, const char *after)
{
	char text[CLOCK_TEXT];

	buf_addf(to, "%s%s%s", before, duration_format(ms, text), after);
}

static void
add_total_lines(const struct simulation *w, struct buf *to)
{
	struct order_stats *waits = waits_of(w);

	if (w->limit == RECORD_NO_NUMBER)
		buf_addf(to, "%s, with the limits as they were\n\n", w->tenant);
	else
		buf_addf(to, "%s, with a limit of %lld for every operator\n\n",
		    w->tenant, (long long)w->limit);
	add_count_lines(to, w);
	if (w->served > 0) {
		add_wait(to, "Wait until assignment: ", order_stats_mean(waits),
		    " on average;\n");
		add_wait(to, "median ", order_stats_median(waits), ", ");
		add_wait(to, "P90 ", order_stats_percentile(waits, 90), ", ");
		add_wait(to, "the longest ", order_stats_max(waits), ".\n");
	}
	buf_addc(to, '\n');
}

void
simulation_table(const struct simulation *w, struct buf *to)
{
	static const struct output_column columns[] = {
		{ "OPERATOR", OUTPUT_TEXT },
		{ "LIMIT", OUTPUT_NUMBER },
		{ "GIVEN", OUTPUT_NUMBER },
		{ "OTHERS", OUTPUT_NUMBER },
		{ "MOST AT ONCE", OUTPUT_NUMBER },
		{ "FIRST AT", OUTPUT_TEXT },
		{ "ABOVE LIMIT", OUTPUT_NUMBER },
		{ "FOR", OUTPUT_NUMBER },
	};
	struct simulation_operator **list = sort_simulated(w);
	struct output_table t;
	size_t i;

	add_total_lines(w, to);
	output_table_init(&t, columns, ARRAY_LEN(columns));
	t.width = output_width();
	for (i = 0; list[i] != NULL; i++)
		add_operator_line(&t, list[i]);
	output_table_show(&t, OUTPUT_TABLE, to);
	output_table_release(&t);
	free(list);
}
