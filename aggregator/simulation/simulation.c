/*
 * simulation: see simulation.h. The allocation is told of the day's records in
 * the order of their times, but for what the CRM then did with chats that are
 * ours now, and every reservation is kept at once.
 */
#include "aggregator/simulation/simulation.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/containers/interner.h"
#include "aggregator/containers/order_stats.h"

/* Whose a chat is in its present episode. */
enum whose { WHOSE_UNKNOWN, WHOSE_OURS, WHOSE_THEIRS };

struct simulation_chat {
	enum whose whose;
	bool counted; /* among those that came */
};

struct simulation_operator {
	const char *id, *name;
	size_t given, theirs, breaches;
	int64_t limit, load; /* as told */
	bool told;           /* since it was looked at, */
	int64_t seen;        /* when the load was this */
	int64_t busiest, busiest_at;
	int64_t above_since, above_ms; /* CLOCK_NONE: not above */
	bool worked, allowed;          /* at some time: they could get chats */
};

/* What was reserved, until it is kept, and then what is written. */
struct given {
	char *chat, *operator_id, *id;
	char *replaces; /* NULL: nobody */
	int64_t at, expires, max_chats;
};

struct simulation {
	char *tenant;
	struct allocation *a;
	struct allocation_listener watch;
	int64_t limit, now;
	struct strmap chats, operators;
	struct simulation_operator **told; /* of whom a load was */
	size_t told_n, told_cap;
	struct given *given;
	size_t given_n, given_cap, kept;
	struct order_stats waits;
	size_t came, served, unserved, waiting;
};

/* Borrowed; of NULL: nothing. */
static struct text
text_of(const char *s)
{
	return (struct text){ s, s != NULL ? strlen(s) : 0 };
}

static struct simulation_chat *
get_chat(struct simulation *w, struct text id)
{
	void **slot = strmap_put(&w->chats, id.p, id.len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct simulation_chat));
	return *slot;
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
reserved(void *ctx, const struct allocation_reservation *p)
{
	struct simulation *w = ctx;
	struct given *g;

	XGROW(w->given, w->given_n, w->given_cap);
	g = &w->given[w->given_n++];
	*g = (struct given){ .chat = text_dup(p->chat),
		.operator_id = text_dup(p->operator_id),
		.id = xstrdup(p->id),
		.replaces = text_dup(p->replaces),
		.at = p->at,
		.expires = p->expires,
		.max_chats = p->max_chats };
	get_operator(w, p->operator_id)->given++;
	if (p->replaces.p != NULL)
		return;
	w->served++;
	order_stats_insert(
	    &w->waits, p->at > p->arrival ? p->at - p->arrival : 0);
}

static void
load(void *ctx, struct text id, int64_t chats, int64_t limit)
{
	struct simulation *w = ctx;
	struct simulation_operator *o = get_operator(w, id);

	o->load = chats;
	o->limit = limit;
	o->allowed |= limit > 0;
	if (o->told)
		return;
	o->told = true;
	XGROW(w->told, w->told_n, w->told_cap);
	w->told[w->told_n++] = o;
}

/* Moments above the limit are those in which it is passed. */
static void
look_at(const struct simulation *w, struct simulation_operator *o)
{
	if (o->load > o->limit && o->load > o->seen)
		o->breaches++;
	if (o->load > o->limit && o->above_since == CLOCK_NONE)
		o->above_since = w->now;
	if (o->load <= o->limit && o->above_since != CLOCK_NONE) {
		o->above_ms += w->now - o->above_since;
		o->above_since = CLOCK_NONE;
	}
	if (o->load > o->busiest) {
		o->busiest = o->load;
		o->busiest_at = w->now;
	}
	o->seen = o->load;
	o->told = false;
}

/* What is told at one time is true together: who gets a chat before the record
 * that takes another one from them did not have both. */
static void
look(struct simulation *w)
{
	size_t i;

	for (i = 0; i < w->told_n; i++)
		look_at(w, w->told[i]);
	w->told_n = 0;
}

static void
unserved(void *ctx, struct text chat, int64_t arrival)
{
	struct simulation *w = ctx;

	(void)chat;
	(void)arrival;
	w->unserved++;
}

/* Every reservation is kept when it is made. */
static void
keep_reservations(struct simulation *w)
{
	struct allocation_chat_update told = {
		.at = w->now, .opened_at = CLOCK_NONE, .has_assignee = true
	};

	for (; w->kept < w->given_n; w->kept++) {
		const struct given *g = &w->given[w->kept];

		told.assignee = text_of(g->operator_id);
		told.reservation = text_of(g->id);
		allocation_chat(w->a, text_of(g->chat), &told);
	}
}

static void
decide(struct simulation *w)
{
	do {
		(void)allocation_decide(w->a);
		keep_reservations(w);
	} while (w->kept < w->given_n);
	look(w);
}

/* The clock goes on to then, and whatever is due before happens at its time. */
static void
advance(struct simulation *w, int64_t to)
{
	int64_t due;

	while ((due = allocation_due(w->a)) < to) {
		if (due > w->now)
			w->now = due;
		allocation_clock(w->a, w->now);
		decide(w);
	}
	if (to > w->now)
		w->now = to;
	allocation_clock(w->a, w->now);
}

static bool
is_over(const struct record *r)
{
	return r->type == RECORD_CHAT
		   ? r->status == CHAT_CLOSED || r->status == CHAT_GONE
		   : r->from == FROM_SYSTEM && text_is(r->kind, "closed");
}

/* It says who holds the chat. */
static bool
has_assignee(const struct record *r)
{
	return r->type == RECORD_CHAT ||
	       (r->from == FROM_SYSTEM && text_is(r->kind, "assigned"));
}

/* Whose the chat is. Of ours nobody else says who holds it. */
static void
take_chat(struct simulation *w, struct record *r)
{
	struct simulation_chat *c = get_chat(w, r->chat);
	bool opens = r->type == RECORD_CHAT ? r->status == CHAT_OPEN
					    : r->from == FROM_CUSTOMER;

	r->assignment = (struct text){ NULL, 0 };
	if (c->whose == WHOSE_UNKNOWN && opens) {
		c->whose = has_assignee(r) && r->operator_id.p != NULL
			       ? WHOSE_THEIRS
			       : WHOSE_OURS;
		w->came += c->whose == WHOSE_OURS;
		if (c->whose == WHOSE_THEIRS)
			get_operator(w, r->operator_id)->theirs++;
	} else if (c->whose == WHOSE_THEIRS && has_assignee(r) &&
		   r->operator_id.p == NULL && !is_over(r)) {
		c->whose = WHOSE_OURS;
		w->came++;
	}
	if (c->whose == WHOSE_OURS && has_assignee(r))
		allocation_record_unassigned(w->a, r);
	else
		allocation_record(w->a, r);
	if (is_over(r))
		c->whose = WHOSE_UNKNOWN;
}

static void
take_operator(struct simulation *w, struct record *r)
{
	struct simulation_operator *o = get_operator(w, r->operator_id);

	if (w->limit != RECORD_NO_NUMBER)
		r->max_chats = RECORD_NO_NUMBER;
	if (r->name.p != NULL)
		o->name = r->name.p; /* the notes' */
	o->worked |= !r->has_available || r->available;
	allocation_record(w->a, r);
}

static void
take_note(struct simulation *w, const struct replay_entry *note)
{
	struct record r;

	if (note->what == REPLAY_SNAPSHOT_BEGIN) {
		allocation_snapshot_begin(w->a);
		return;
	}
	if (note->what == REPLAY_SNAPSHOT_END) {
		allocation_snapshot_end(w->a, note->at, NULL);
		return;
	}
	replay_entry_record(note, &r);
	if (r.type == RECORD_OPERATOR)
		take_operator(w, &r);
	else if (r.type != RECORD_LIMIT)
		take_chat(w, &r);
	else if (w->limit == RECORD_NO_NUMBER)
		allocation_record(w->a, &r);
}

/* Nothing is decided within a snapshot. */
static void
replay(struct simulation *w, const struct replay_log *log)
{
	const struct strmap_entry *e;
	bool within = false;
	size_t i, j = 0;

	for (i = 0; i < log->n; i++) {
		if (!within && log->v[i].when > w->now)
			advance(w, log->v[i].when);
		take_note(w, &log->v[i]);
		within = log->v[i].what == REPLAY_SNAPSHOT_BEGIN ||
			 (within && log->v[i].what != REPLAY_SNAPSHOT_END);
		/* What happens together is looked at together. */
		if (within ||
		    (i + 1 < log->n && log->v[i + 1].when == log->v[i].when))
			continue;
		decide(w);
	}
	w->waiting = allocation_counts(w->a).waiting;
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
	w->watch = (struct allocation_listener){ w, reserved, load, unserved };
	mine.window = INT64_MAX / 4; /* nothing is forgotten */
	if (limit != RECORD_NO_NUMBER)
		mine.limit = limit;
	w->a = allocation_new(tenant, &mine, &w->watch);
	replay_log_sort(log);
	while (i < log->n && log->v[i].when == CLOCK_NONE)
		i++;
	w->now = i < log->n ? log->v[i].when : 0;
	allocation_clock(w->a, w->now);
	replay(w, log);
	return w;
}

static void
free_operator(void *p)
{
	struct simulation_operator *o = p;

	free((char *)(uintptr_t)o->id);
	free(o);
}

void
simulation_free(struct simulation *w)
{
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->given_n; i++) {
		free(w->given[i].chat);
		free(w->given[i].operator_id);
		free(w->given[i].id);
		free(w->given[i].replaces);
	}
	free(w->given);
	free(w->told);
	order_stats_release(&w->waits);
	strmap_release(&w->chats, free);
	strmap_release(&w->operators, free_operator);
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

int
simulation_assignments(const struct simulation *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx)
{
	struct buf b = BUF_INIT;
	size_t i;
	int rc = 0;

	for (i = 0; i < w->given_n && rc == 0; i++) {
		const struct given *g = &w->given[i];
		const struct allocation_reservation p = {
			.chat = text_of(g->chat),
			.operator_id = text_of(g->operator_id),
			.replaces = text_of(g->replaces),
			.id = g->id,
			.at = g->at,
			.expires = g->expires,
			.max_chats = g->max_chats,
		};

		buf_clear(&b);
		allocation_write(w->tenant, &p, &b);
		rc = line(ctx, b.data, b.len);
	}
	buf_release(&b);
	return rc;
}

static int
by_id(const void *a, const void *b)
{
	const char *x = (*(struct simulation_operator *const *)a)->id;
	const char *y = (*(struct simulation_operator *const *)b)->id;

	return id_compare(x, strlen(x), y, strlen(y));
}

/* Owned; in the order of their ids. */
static struct simulation_operator **
sorted(const struct simulation *w)
{
	struct simulation_operator **list =
	    xcalloc(w->operators.live + 1, sizeof *list);
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->operators, &i)) != NULL)
		list[n++] = e->value;
	if (n > 1)
		qsort(list, n, sizeof(struct simulation_operator *), by_id);
	return list;
}

void
simulation_operators(const struct simulation *w, struct rowset *to)
{
	struct simulation_operator **list = sorted(w);
	size_t i;

	for (i = 0; list[i] != NULL; i++) {
		const struct simulation_operator *o = list[i];
		struct cell *c = rowset_add(to);

		c = cell_text(c, o->id);
		/* Who holds a chat need not be listed. */
		c = o->name != NULL ? cell_text(c, o->name)
				    : cell_id(c, (struct text){ NULL, 0 });
		c = cell_number(c, o->limit);
		c = cell_count(c, o->given);
		c = cell_count(c, o->theirs);
		c = cell_number(c, o->busiest);
		c = cell_time(c, o->busiest_at);
		c = cell_count(c, o->breaches);
		(void)cell_ms(c, o->above_ms);
	}
	free(list);
}

/* Of those who could get chats. */
struct spread {
	size_t operators, least, most;
};

static struct spread
spread(const struct simulation *w)
{
	struct spread s = { 0, 0, 0 };
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&w->operators, &i)) != NULL) {
		const struct simulation_operator *o = e->value;

		if (!o->worked || !o->allowed)
			continue;
		if (s.operators == 0 || o->given < s.least)
			s.least = o->given;
		if (o->given > s.most)
			s.most = o->given;
		s.operators++;
	}
	return s;
}

static size_t
breaches(const struct simulation *w)
{
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->operators, &i)) != NULL)
		n += ((const struct simulation_operator *)e->value)->breaches;
	return n;
}

void
simulation_totals(const struct simulation *w, struct rowset *to)
{
	struct order_stats *waits = (struct order_stats *)(uintptr_t)&w->waits;
	struct cell *c = rowset_add(to);
	const struct spread s = spread(w);

	c = cell_count(c, w->came);
	c = cell_count(c, w->served);
	c = cell_count(c, w->given_n - w->served);
	c = cell_count(c, w->unserved);
	c = cell_count(c, w->waiting);
	c = cell_ms(c, order_stats_mean(waits));
	c = cell_ms(c, order_stats_median(waits));
	c = cell_ms(c, order_stats_percentile(waits, 90));
	c = cell_ms(c, order_stats_max(waits));
	c = cell_count(c, s.operators);
	c = cell_count(c, s.least);
	c = cell_count(c, s.most);
	(void)cell_count(c, breaches(w));
}
