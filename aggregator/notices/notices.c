/*
 * notices: see notices.h. Each waiting customer has, for each rule, the time
 * from which the wait counts; an evaluation compares these times with the
 * present.
 */
#include "aggregator/notices/notices.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/digest/encoding.h"
#include "common/digest/hash.h"
#include "common/hours/terms.h"
#include "common/json/jsonw.h"

/* The wait of a customer. */
struct wait {
	const struct terms *terms;          /* of its channel */
	char *chat, *channel, *operator_id; /* the last two may be NULL */
	int64_t since;
	int64_t answer_by;     /* CLOCK_NONE: there is no target */
	int64_t awaited_since; /* when the time of the target began */
	struct target target;
	int64_t from[]; /* for each rule: when the wait begins to count;
			 * INT64_MAX: never */
};

/* A notice of the state, with its own texts. */
struct kept {
	struct notice n;
	char *rule, *scope, *chat, *channel;
	uint64_t seen; /* the last evaluation in which it held */
};

struct notices {
	const struct notice_rules *rules;
	struct strmap waits; /* chat -> struct wait */
	struct strmap kept;  /* rule, scope, chat, begin -> struct kept */
	bool loaded;
	uint64_t pass; /* of evaluations */
	int64_t due;

	/* Of the current evaluation. */
	const struct model *model;
	int64_t now;
	notice_changed_fn *changed;
	void *ctx;
	int64_t *since; /* of the waits that count in a scope */
	size_t since_n, since_cap;
};

/* ---- what a notice is ---- */

void
notice_id(const struct notice *n, const char *tenant, char id[NOTICE_ID])
{
	const struct text parts[] = { text_from(tenant), n->rule, n->scope,
		n->chat };
	struct buf b = BUF_INIT;
	struct hash_128 h;
	unsigned char bytes[16];
	size_t i;

	for (i = 0; i < ARRAY_LEN(parts); i++) {
		buf_add(&b, parts[i].p, parts[i].len);
		buf_addc(&b, '\0');
	}
	buf_addf(&b, "%lld", (long long)n->begin);
	h = hash_text_128(0, b.data, b.len);
	memcpy(bytes, &h.high, 8);
	memcpy(bytes + 8, &h.low, 8);
	hex_write(id, bytes, sizeof bytes);
	id[NOTICE_ID - 1] = '\0';
	buf_release(&b);
}

void
notice_write(const struct notice *n, const char *tenant, struct buf *to)
{
	char id[NOTICE_ID];

	notice_id(n, tenant, id);
	jsonw_open_record(to, "notice", tenant);
	jsonw_str(to, "id", id);
	jsonw_text(to, "rule", n->rule);
	jsonw_str(to, "kind", notice_kind_names[n->kind]);
	jsonw_text(to, "scope", n->scope);
	if (n->chat.p != NULL)
		jsonw_text(to, "chat", n->chat);
	if (n->channel.p != NULL)
		jsonw_text(to, "channel", n->channel);
	jsonw_time(to, "begin_at", n->begin);
	jsonw_time(to, "fired_at", n->fired);
	if (n->over != CLOCK_NONE)
		jsonw_time(to, "over_at", n->over);
	jsonw_int(to, "value", n->value);
	jsonw_int(to, "target", n->target);
	jsonw_close(to);
}

/* ---- the notices of the state ---- */

static struct key
kept_key(const struct notice *n)
{
	struct key k = { .len = 0 };

	key_text(&k, n->rule);
	key_text(&k, n->scope);
	key_text(&k, n->chat);
	key_time(&k, n->begin);
	return k;
}

static void
kept_free(void *kept)
{
	struct kept *k = kept;

	free(k->rule);
	free(k->scope);
	free(k->chat);
	free(k->channel);
	free(k);
}

/* Copies a notice of which none is kept. */
static struct kept *
keep(struct notices *s, const struct notice *n)
{
	struct key key = kept_key(n);
	struct kept *k = xcalloc(1, sizeof *k);

	k->n = *n;
	k->rule = text_dup(n->rule);
	k->scope = text_dup(n->scope);
	k->chat = text_dup(n->chat);
	k->channel = text_dup(n->channel);
	k->n.rule = text_from(k->rule);
	k->n.scope = text_from(k->scope);
	k->n.chat = text_or_absent(k->chat);
	k->n.channel = text_or_absent(k->channel);
	*strmap_put(&s->kept, (const char *)key.bytes, key.len) = k;
	return k;
}

static struct kept *
find_kept(const struct notices *s, const struct notice *n)
{
	struct key key = kept_key(n);

	return strmap_get(&s->kept, (const char *)key.bytes, key.len);
}

/* Returns the notice about that scope that is not over, or NULL. */
static struct kept *
find_current(const struct notices *s, const struct notice *n)
{
	const struct strmap_entry *e;
	struct kept *k;
	size_t i = 0;

	while ((e = strmap_next(&s->kept, &i)) != NULL) {
		k = e->value;
		if (k->n.chat.p == NULL && k->n.over == CLOCK_NONE &&
		    text_compare(k->n.rule, n->rule) == 0 &&
		    text_compare(k->n.scope, n->scope) == 0)
			return k;
	}
	return NULL;
}

static void
drop(struct notices *s, struct kept *k)
{
	struct key key = kept_key(&k->n);

	s->changed(s->ctx, &k->n, true);
	(void)strmap_delete(&s->kept, (const char *)key.bytes, key.len);
	kept_free(k);
}

/* ---- the waits ---- */

static void
wait_free(void *wait)
{
	struct wait *w = wait;

	free(w->chat);
	free(w->channel);
	free(w->operator_id);
	free(w);
}

/* Returns the instant at which that much time has passed, in work time if there
 * are hours; INT64_MAX if there is none. */
static int64_t
instant_after(const struct terms *t, int64_t at, int64_t ms)
{
	return t->hours != NULL ? hours_deadline(t->hours, at, ms) : at + ms;
}

/* Returns when the wait begins to count for a rule. */
static int64_t
counts_from(const struct wait *w, const struct notice_rule *r,
    const struct awaited_answer *awaited, int64_t soon_at)
{
	switch (r->kind) {
	case NOTICE_SOON:
		if (w->answer_by == CLOCK_NONE)
			return INT64_MAX;
		return r->left_ms == 0 ? soon_at
				       : judge_left_at(w->terms, awaited->kind,
					     awaited->since, r->left_ms);
	case NOTICE_LATE:
		if (w->answer_by == CLOCK_NONE)
			return INT64_MAX;
		return instant_after(w->terms, w->answer_by, r->for_ms) + 1;
	case NOTICE_WAITING:
		return instant_after(w->terms, w->since, r->for_ms);
	case NOTICE_NOBODY_ONLINE:
	case NOTICE_KINDS:
		break;
	}
	return w->since;
}

static struct wait *
new_wait(const struct notices *s, const struct chat *c)
{
	const struct model *m = s->model;
	const struct awaited_answer awaited = chat_awaited_answer(c);
	struct text channel = model_name(m, c->now.channel);
	size_t n = s->rules->n, i;
	struct wait *w = xcalloc(1, sizeof *w + n * sizeof w->from[0]);
	struct judge_due due;

	w->terms = terms_of_channel(m->terms, channel);
	w->chat = text_dup(chat_id(c));
	w->channel = text_dup(channel);
	w->operator_id = text_dup(model_name(m, c->now.assignee));
	w->since = c->figures.waiting_since;
	due = judge_due(w->terms, awaited.kind, awaited.since);
	w->answer_by = due.answer_by;
	w->awaited_since = awaited.since;
	w->target = judge_target(w->terms, awaited.kind, awaited.since);
	for (i = 0; i < n; i++)
		w->from[i] =
		    counts_from(w, &s->rules->list[i], &awaited, due.soon_at);
	return w;
}

static void
read_chat(struct notices *s, const struct chat *c)
{
	struct text id = chat_id(c);
	struct wait *old = strmap_delete(&s->waits, id.p, id.len);

	if (old != NULL)
		wait_free(old);
	if (chat_is_open(c) && c->figures.waiting_since != CLOCK_NONE)
		*strmap_put(&s->waits, id.p, id.len) = new_wait(s, c);
}

static void
read_model(struct notices *s)
{
	const struct model *m = s->model;
	struct chat *const *list = s->loaded ? m->changes.chats : m->chats;
	size_t n = s->loaded ? m->changes.chats_n : m->chats_n, i;

	for (i = 0; i < n; i++)
		read_chat(s, list[i]);
	s->loaded = true;
}

/* ---- an evaluation ---- */

static void
note_due(struct notices *s, int64_t at)
{
	if (at > s->now && at < s->due)
		s->due = at;
}

/* Returns whether that calendar is open now; without one, it always is. If it
 * is closed, its opening is due. */
static bool
is_open(struct notices *s, const struct terms *t)
{
	struct hours_state team;

	if (t->hours == NULL)
		return true;
	team = hours_at(t->hours, s->now);
	if (!team.open)
		note_due(s, team.until);
	return team.open;
}

static const struct terms *
terms_of(const struct notices *s, const struct notice *n)
{
	return terms_of_channel(s->model->terms, n->channel);
}

static struct notice
notice_of(const struct notice_rule *r, const struct notice_scope *scope)
{
	return (struct notice){ .rule = text_from(r->name),
		.scope = text_from(scope->text),
		.chat = { NULL, 0 },
		.channel = { NULL, 0 },
		.kind = r->kind,
		.begin = CLOCK_NONE,
		.fired = CLOCK_NONE,
		.over = CLOCK_NONE };
}

static void
fire(struct notices *s, struct kept *k)
{
	k->n.fired = s->now;
	s->changed(s->ctx, &k->n, false);
}

static void
end_kept(struct notices *s, struct kept *k)
{
	k->n.over = s->now;
	s->changed(s->ctx, &k->n, false);
}

/* Returns how much time of the target has passed, in its own kind of time. */
static int64_t
time_passed(const struct wait *w, int64_t now)
{
	return w->target.work
		   ? hours_work(w->terms->hours, w->awaited_since, now)
		   : now - w->awaited_since;
}

/* A wait that counts for a rule about one chat. */
static void
see_late_wait(struct notices *s, const struct notice_rule *r,
    const struct notice_scope *scope, const struct wait *w)
{
	struct notice n = notice_of(r, scope);
	struct kept *k;

	n.chat = text_from(w->chat);
	n.channel = text_or_absent(w->channel);
	n.begin = w->since;
	k = find_kept(s, &n);
	if (k == NULL) {
		n.value = time_passed(w, s->now) / 1000;
		n.target = w->target.ms / 1000;
		k = keep(s, &n);
		fire(s, k);
	}
	k->seen = s->pass;
}

static void
evaluate_chats(struct notices *s, size_t rule)
{
	const struct notice_rule *r = &s->rules->list[rule];
	const struct strmap_entry *e;
	const struct wait *w;
	size_t i = 0, j;

	while ((e = strmap_next(&s->waits, &i)) != NULL) {
		w = e->value;
		note_due(s, w->from[rule]);
		if (w->from[rule] > s->now ||
		    (r->kind == NOTICE_SOON && w->answer_by < s->now) ||
		    !is_open(s, w->terms))
			continue;
		if (r->kind == NOTICE_SOON)
			note_due(s, w->answer_by + 1);
		for (j = 0; j < r->scopes_n; j++)
			if (notice_scope_has(r, &r->scopes[j],
				text_or_absent(w->channel),
				text_or_absent(w->operator_id)))
				see_late_wait(s, r, &r->scopes[j], w);
	}
}

/* Lists since when the customers wait that count in a scope. */
static void
list_waits(struct notices *s, size_t rule, const struct notice_scope *scope)
{
	const struct notice_rule *r = &s->rules->list[rule];
	const struct strmap_entry *e;
	const struct wait *w;
	size_t i = 0;

	s->since_n = 0;
	while ((e = strmap_next(&s->waits, &i)) != NULL) {
		w = e->value;
		if (!notice_scope_has(r, scope, text_or_absent(w->channel),
			text_or_absent(w->operator_id)))
			continue;
		note_due(s, w->from[rule]);
		if (w->from[rule] > s->now)
			continue;
		XGROW(s->since, s->since_n, s->since_cap);
		s->since[s->since_n++] = w->since;
	}
}

static int
compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Returns whether nobody of the scope is online, and the CRM reports that. */
static bool
nobody_online(const struct notices *s, const struct notice_rule *r,
    const struct notice_scope *scope)
{
	const struct model *m = s->model;
	const struct operator_info *o;
	bool reported = false;
	size_t i;

	for (i = 0; i < m->operators_n; i++) {
		o = m->operators[i];
		if (!o->listed || !o->has_available ||
		    !notice_scope_has_operator(r, scope, model_name(m, o->id)))
			continue;
		if (o->available)
			return false;
		reported = true;
	}
	return reported;
}

static void
evaluate_waiting(struct notices *s, const struct notice_rule *r,
    struct notice *n, struct kept *k)
{
	if (k != NULL && s->since_n > r->clear)
		k->seen = s->pass;
	if (k != NULL || s->since_n < r->customers)
		return;
	sort_array(s->since, s->since_n, sizeof *s->since, compare_times);
	n->begin = s->since[r->customers - 1];
	n->value = (int64_t)s->since_n;
	k = keep(s, n);
	fire(s, k);
	k->seen = s->pass;
}

/* A notice that has not fired is not kept over a closing: operators who begin
 * their day have the rule's time to go online. */
static bool
was_closed_since(const struct notices *s, const struct terms *t, int64_t begin)
{
	return t->hours != NULL && hours_at(t->hours, begin).until <= s->now;
}

static void
evaluate_nobody_online(struct notices *s, const struct notice_rule *r,
    const struct notice_scope *scope, struct notice *n, struct kept *k)
{
	const struct terms *t = terms_of(s, n);

	if (s->since_n < r->customers || !nobody_online(s, r, scope))
		return;
	if (k != NULL && k->n.fired == CLOCK_NONE &&
	    was_closed_since(s, t, k->n.begin)) {
		drop(s, k);
		k = NULL;
	}
	if (k == NULL) {
		n->begin = s->now;
		k = keep(s, n);
		s->changed(s->ctx, &k->n, false);
	}
	k->seen = s->pass;
	note_due(s, k->n.begin + r->for_ms);
	if (k->n.fired != CLOCK_NONE || s->now < k->n.begin + r->for_ms)
		return;
	k->n.value = (int64_t)s->since_n;
	fire(s, k);
}

static void
evaluate_scope(struct notices *s, size_t rule, const struct notice_scope *scope)
{
	const struct notice_rule *r = &s->rules->list[rule];
	struct notice n = notice_of(r, scope);

	if (scope->kind == SCOPE_CHANNEL)
		n.channel = text_from(scope->name);
	if (!is_open(s, terms_of(s, &n)))
		return;
	n.target = (int64_t)r->customers;
	list_waits(s, rule, scope);
	if (r->kind == NOTICE_WAITING)
		evaluate_waiting(s, r, &n, find_current(s, &n));
	else
		evaluate_nobody_online(s, r, scope, &n, find_current(s, &n));
}

static void
evaluate_rule(struct notices *s, size_t rule)
{
	const struct notice_rule *r = &s->rules->list[rule];
	size_t i;

	if (r->kind == NOTICE_SOON || r->kind == NOTICE_LATE) {
		evaluate_chats(s, rule);
		return;
	}
	for (i = 0; i < r->scopes_n; i++)
		evaluate_scope(s, rule, &r->scopes[i]);
}

/* Ends the notices that no longer hold, unless their calendar is closed. */
static void
end_unseen(struct notices *s)
{
	const struct strmap_entry *e;
	struct kept *k;
	size_t i = 0;

	while ((e = strmap_next(&s->kept, &i)) != NULL) {
		k = e->value;
		if (k->seen == s->pass || k->n.over != CLOCK_NONE ||
		    !is_open(s, terms_of(s, &k->n)))
			continue;
		if (k->n.fired == CLOCK_NONE)
			drop(s, k);
		else
			end_kept(s, k);
	}
}

/* The flush with their last rows and records is confirmed by now. */
static void
drop_ended(struct notices *s)
{
	const struct strmap_entry *e;
	struct kept *k;
	size_t i = 0;

	while ((e = strmap_next(&s->kept, &i)) != NULL) {
		k = e->value;
		if (k->n.over != CLOCK_NONE)
			drop(s, k);
	}
}

/* ---- all notices of a tenant ---- */

struct notices *
notices_new(const struct notice_rules *rules)
{
	struct notices *s = xcalloc(1, sizeof *s);

	s->rules = rules;
	s->due = INT64_MIN;
	return s;
}

void
notices_free(struct notices *s)
{
	if (s == NULL)
		return;
	strmap_release(&s->waits, wait_free);
	strmap_release(&s->kept, kept_free);
	free(s->since);
	free(s);
}

void
notices_restore(struct notices *s, const struct notice *n)
{
	(void)keep(s, n);
}

void
notices_evaluate(struct notices *s, const struct model *m,
    notice_changed_fn *changed, void *ctx)
{
	size_t i;

	s->model = m;
	s->now = m->present;
	s->changed = changed;
	s->ctx = ctx;
	s->due = INT64_MAX;
	s->pass++;
	read_model(s);
	drop_ended(s);
	for (i = 0; i < s->rules->n; i++)
		evaluate_rule(s, i);
	end_unseen(s);
}

int64_t
notices_due(const struct notices *s)
{
	return s->due;
}

void
notices_each(const struct notices *s,
    void (*each)(void *ctx, const struct notice *n), void *ctx)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&s->kept, &i)) != NULL) {
		const struct kept *k = e->value;

		if (k->n.fired != CLOCK_NONE)
			each(ctx, &k->n);
	}
}
