/*
 * whatif: see whatif.h. The allocation is told of the day's records in the
 * order of their times, but for what the CRM then did with chats that are ours
 * now, and every promise is kept at once.
 */
#include "aggregator/whatif.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "aggregator/names.h"
#include "aggregator/ranks.h"

/* Whose a chat is in its present episode. */
enum whose { WHOSE_UNKNOWN, WHOSE_OURS, WHOSE_THEIRS };

struct whatif_chat {
	enum whose whose;
	bool counted; /* among those that came */
};

struct whatif_operator {
	const char *id, *name;
	size_t given, theirs, breaches;
	int64_t limit, load, busiest, busiest_at;
	int64_t above_since, above_ms; /* CLOCK_NONE: not above */
};

/* What was promised, until it is kept, and then what is written. */
struct given {
	char *chat, *operator_id, *id;
	char *replaces; /* NULL: nobody */
	int64_t at, expires, max_chats;
};

struct whatif {
	char *tenant;
	struct allocation *a;
	struct allocation_watch watch;
	int64_t limit, now;
	struct strmap chats, operators;
	struct given *given;
	size_t given_n, given_cap, kept;
	struct ranks waits;
	size_t came, unserved, waiting;
};

/* Borrowed; of NULL: nothing. */
static struct text
text_of(const char *s)
{
	return (struct text){ s, s != NULL ? strlen(s) : 0 };
}

static struct whatif_chat *
get_chat(struct whatif *w, struct text id)
{
	void **slot = strmap_put(&w->chats, id.p, id.len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct whatif_chat));
	return *slot;
}

static struct whatif_operator *
get_operator(struct whatif *w, struct text id)
{
	void **slot = strmap_put(&w->operators, id.p, id.len);
	struct whatif_operator *o = *slot;

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
promised(void *ctx, const struct allocation_promise *p)
{
	struct whatif *w = ctx;
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
	if (p->replaces.p == NULL)
		ranks_insert(
		    &w->waits, p->at > p->arrival ? p->at - p->arrival : 0);
}

/* Moments above the limit are those in which it is passed. */
static void
load(void *ctx, struct text id, int64_t chats, int64_t limit)
{
	struct whatif *w = ctx;
	struct whatif_operator *o = get_operator(w, id);

	if (chats > limit && chats > o->load)
		o->breaches++;
	if (chats > limit && o->above_since == CLOCK_NONE)
		o->above_since = w->now;
	if (chats <= limit && o->above_since != CLOCK_NONE) {
		o->above_ms += w->now - o->above_since;
		o->above_since = CLOCK_NONE;
	}
	if (chats > o->busiest) {
		o->busiest = chats;
		o->busiest_at = w->now;
	}
	o->load = chats;
	o->limit = limit;
}

static void
unserved(void *ctx, struct text chat, int64_t arrival)
{
	struct whatif *w = ctx;

	(void)chat;
	(void)arrival;
	w->unserved++;
}

/* Every promise is kept when it is made. */
static void
keep_promises(struct whatif *w)
{
	struct allocation_told told = {
		.at = w->now, .opened_at = CLOCK_NONE, .has_holder = true
	};

	for (; w->kept < w->given_n; w->kept++) {
		const struct given *g = &w->given[w->kept];

		told.holder = text_of(g->operator_id);
		told.promise = text_of(g->id);
		allocation_chat(w->a, text_of(g->chat), &told);
	}
}

static void
decide(struct whatif *w)
{
	do {
		(void)allocation_decide(w->a);
		keep_promises(w);
	} while (w->kept < w->given_n);
}

/* The clock goes on to then, and whatever is due before happens at its time. */
static void
advance(struct whatif *w, int64_t to)
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
has_holder(const struct record *r)
{
	return r->type == RECORD_CHAT ||
	       (r->from == FROM_SYSTEM && text_is(r->kind, "assigned"));
}

/* Whose the chat is. Of ours nobody else says who holds it. */
static void
take_chat(struct whatif *w, struct record *r)
{
	struct whatif_chat *c = get_chat(w, r->chat);
	bool opens = r->type == RECORD_CHAT ? r->status == CHAT_OPEN
					    : r->from == FROM_CUSTOMER;

	r->assignment = (struct text){ NULL, 0 };
	if (c->whose == WHOSE_UNKNOWN && opens) {
		c->whose = has_holder(r) && r->operator_id.p != NULL
			       ? WHOSE_THEIRS
			       : WHOSE_OURS;
		w->came += c->whose == WHOSE_OURS;
		if (c->whose == WHOSE_THEIRS)
			get_operator(w, r->operator_id)->theirs++;
	} else if (c->whose == WHOSE_THEIRS && has_holder(r) &&
		   r->operator_id.p == NULL && !is_over(r)) {
		c->whose = WHOSE_OURS;
		w->came++;
	}
	if (c->whose == WHOSE_OURS && has_holder(r))
		allocation_record_unheld(w->a, r);
	else
		allocation_record(w->a, r);
	if (is_over(r))
		c->whose = WHOSE_UNKNOWN;
}

static void
take_operator(struct whatif *w, struct record *r)
{
	struct whatif_operator *o = get_operator(w, r->operator_id);

	if (w->limit != RECORD_NO_NUMBER)
		r->max_chats = RECORD_NO_NUMBER;
	if (r->name.p != NULL)
		o->name = r->name.p; /* the notes' */
	allocation_record(w->a, r);
}

static void
take_note(struct whatif *w, const struct note *note)
{
	struct record r;

	if (note->what == NOTE_BEGIN) {
		allocation_snapshot_begin(w->a);
		return;
	}
	if (note->what == NOTE_END) {
		allocation_snapshot_end(w->a, note->at, NULL);
		return;
	}
	note_record(note, &r);
	if (r.type == RECORD_OPERATOR)
		take_operator(w, &r);
	else if (r.type != RECORD_LIMIT)
		take_chat(w, &r);
	else if (w->limit == RECORD_NO_NUMBER)
		allocation_record(w->a, &r);
}

/* Nothing is decided within a snapshot. */
static void
replay(struct whatif *w, const struct notes *notes)
{
	const struct strmap_entry *e;
	bool within = false;
	size_t i, j = 0;

	for (i = 0; i < notes->n; i++) {
		if (!within && notes->v[i].when > w->now)
			advance(w, notes->v[i].when);
		take_note(w, &notes->v[i]);
		within = notes->v[i].what == NOTE_BEGIN ||
			 (within && notes->v[i].what != NOTE_END);
		/* What happens together is looked at together. */
		if (within || (i + 1 < notes->n &&
				  notes->v[i + 1].when == notes->v[i].when))
			continue;
		decide(w);
	}
	w->waiting = allocation_counts(w->a).waiting;
	while ((e = strmap_next(&w->operators, &j)) != NULL) {
		struct whatif_operator *o = e->value;

		if (o->above_since != CLOCK_NONE)
			o->above_ms += w->now - o->above_since;
	}
}

struct whatif *
whatif_run(const char *tenant, struct notes *notes,
    const struct allocation_settings *set, int64_t limit)
{
	struct allocation_settings mine = *set;
	struct whatif *w = xcalloc(1, sizeof *w);
	size_t i = 0;

	w->tenant = xstrdup(tenant);
	w->limit = limit;
	w->watch = (struct allocation_watch){ w, promised, load, unserved };
	mine.window = INT64_MAX / 4; /* nothing is forgotten */
	if (limit != RECORD_NO_NUMBER)
		mine.limit = limit;
	w->a = allocation_new(tenant, &mine, &w->watch);
	notes_sort(notes);
	while (i < notes->n && notes->v[i].when == CLOCK_NONE)
		i++;
	w->now = i < notes->n ? notes->v[i].when : 0;
	allocation_clock(w->a, w->now);
	replay(w, notes);
	return w;
}

static void
free_operator(void *p)
{
	struct whatif_operator *o = p;

	free((char *)(uintptr_t)o->id);
	free(o);
}

void
whatif_free(struct whatif *w)
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
	ranks_release(&w->waits);
	strmap_release(&w->chats, free);
	strmap_release(&w->operators, free_operator);
	allocation_free(w->a);
	free(w->tenant);
	free(w);
}

const char *
whatif_tenant(const struct whatif *w)
{
	return w->tenant;
}

int
whatif_assignments(const struct whatif *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx)
{
	struct buf b = BUF_INIT;
	size_t i;
	int rc = 0;

	for (i = 0; i < w->given_n && rc == 0; i++) {
		const struct given *g = &w->given[i];
		const struct allocation_promise p = {
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
	const char *x = (*(struct whatif_operator *const *)a)->id;
	const char *y = (*(struct whatif_operator *const *)b)->id;

	return id_compare(x, strlen(x), y, strlen(y));
}

/* Owned; in the order of their ids. */
static struct whatif_operator **
sorted(const struct whatif *w)
{
	struct whatif_operator **list =
	    xcalloc(w->operators.live + 1, sizeof *list);
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->operators, &i)) != NULL)
		list[n++] = e->value;
	if (n > 1)
		qsort(list, n, sizeof(struct whatif_operator *), by_id);
	return list;
}

void
whatif_operators(const struct whatif *w, struct rowset *to)
{
	struct whatif_operator **list = sorted(w);
	size_t i;

	for (i = 0; list[i] != NULL; i++) {
		const struct whatif_operator *o = list[i];
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

static void
spread(const struct whatif *w, size_t *least, size_t *most, size_t *breaches)
{
	const struct strmap_entry *e;
	bool first = true;
	size_t i = 0;

	*least = *most = *breaches = 0;
	while ((e = strmap_next(&w->operators, &i)) != NULL) {
		const struct whatif_operator *o = e->value;

		if (o->limit == RECORD_NO_NUMBER)
			continue;
		if (first || o->given < *least)
			*least = o->given;
		first = false;
		if (o->given > *most)
			*most = o->given;
		*breaches += o->breaches;
	}
}

void
whatif_totals(const struct whatif *w, struct rowset *to)
{
	struct ranks *waits = (struct ranks *)(uintptr_t)&w->waits;
	struct cell *c = rowset_add(to);
	size_t least, most, breaches;

	spread(w, &least, &most, &breaches);
	c = cell_count(c, w->came);
	c = cell_count(c, w->given_n);
	c = cell_count(c, w->unserved);
	c = cell_count(c, w->waiting);
	c = cell_ms(c, ranks_mean(waits));
	c = cell_ms(c, ranks_median(waits));
	c = cell_ms(c, ranks_percentile(waits, 90));
	c = cell_ms(c, ranks_max(waits));
	c = cell_count(c, w->operators.live);
	c = cell_count(c, least);
	c = cell_count(c, most);
	(void)cell_count(c, breaches);
}
