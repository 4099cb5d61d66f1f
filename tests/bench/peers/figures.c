/* figures: see figures.h. */
#define _GNU_SOURCE
#include "tests/bench/peers/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"

enum what {
	W_CUSTOMER,
	W_OPERATOR,
	W_BOT,
	W_ASSIGNED,
	W_CLOSED,
	W_OPENED,
	W_HANDOFF,
	W_NOTHING
};

struct step {
	int64_t at;
	int32_t who; /* -1: nobody */
	int32_t what;
};

struct chat {
	struct step *steps;
	size_t n, cap;
	int64_t opened_at;
	int32_t holder;
	uint32_t tenant;
	bool unsorted;
};

struct person {
	uint32_t tenant;
	bool listed;
	int64_t open, waiting, answers, ms, firsts, first_ms;
};

/* A set of byte strings, each within a scope. A slot holds the string's number
 * in order of arrival. */
struct slot {
	uint64_t hash; /* 0: empty */
	uint64_t start;
	uint32_t len, scope, number;
};

struct set {
	struct slot *slots;
	size_t mask, used;
	char *bytes;
	size_t len, cap;
};

static struct set tenants, chat_names, people_names, ids;
static struct chat *chats;
static struct person *people;
static size_t chats_n, chats_cap, people_n, people_cap;

static void
bad(const char *why)
{
	fprintf(stderr, "peer: %s\n", why);
	_exit(65);
}

static uint64_t
mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
	return h ^ (h >> 32);
}

static uint64_t
hash_of(struct peer_text t, uint32_t scope)
{
	uint64_t h = (scope + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ t.len, w;
	const char *p = t.p;
	size_t n = t.len;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = mix(h, w);
	}
	w = 0;
	memcpy(&w, p, n);
	h = mix(h, w);
	return h != 0 ? h : 1;
}

static void
grow(struct set *s)
{
	size_t old = s->slots != NULL ? s->mask + 1 : 0;
	size_t size = old > 0 ? old * 2 : 4096, i, k;
	struct slot *slots = xcalloc(size, sizeof *slots);

	for (i = 0; i < old; i++) {
		if (s->slots[i].hash == 0)
			continue;
		k = s->slots[i].hash & (size - 1);
		while (slots[k].hash != 0)
			k = (k + 1) & (size - 1);
		slots[k] = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->mask = size - 1;
}

/* Returns the string's number. *fresh: the string is new. */
static uint32_t
put(struct set *s, struct peer_text t, uint32_t scope, bool *fresh)
{
	uint64_t h = hash_of(t, scope);
	struct slot *p;
	size_t i;

	if (s->slots == NULL || s->used * 4 >= (s->mask + 1) * 3)
		grow(s);
	*fresh = false;
	for (i = h & s->mask; s->slots[i].hash != 0; i = (i + 1) & s->mask) {
		p = &s->slots[i];
		if (p->hash == h && p->scope == scope && p->len == t.len &&
		    memcmp(s->bytes + p->start, t.p, t.len) == 0)
			return p->number;
	}
	while (s->len + t.len > s->cap) {
		s->cap = s->cap * 2 + 65536;
		s->bytes = xrealloc(s->bytes, s->cap, 1);
	}
	memcpy(s->bytes + s->len, t.p, t.len);
	s->slots[i] = (struct slot){ h, s->len, (uint32_t)t.len, scope,
		(uint32_t)s->used };
	s->len += t.len;
	*fresh = true;
	return (uint32_t)s->used++;
}

static int32_t
person_of(uint32_t tenant, struct peer_text name)
{
	bool fresh;
	uint32_t i;

	if (name.p == NULL)
		return -1;
	i = put(&people_names, name, tenant, &fresh);
	if (fresh) {
		XGROW(people, people_n, people_cap);
		people[people_n++] = (struct person){ .tenant = tenant };
	}
	return (int32_t)i;
}

static uint32_t
chat_of(uint32_t tenant, struct peer_text name)
{
	bool fresh;
	uint32_t i = put(&chat_names, name, tenant, &fresh);

	if (fresh) {
		XGROW(chats, chats_n, chats_cap);
		chats[chats_n++] = (struct chat){
			.tenant = tenant, .holder = -1, .opened_at = INT64_MIN
		};
	}
	return i;
}

static int64_t
digits(const char *p, int n)
{
	int64_t v = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			bad("a time");
		v = v * 10 + (*p - '0');
	}
	return v;
}

/* "2026-11-20T10:00:00.123Z" */
static int64_t
millis(struct peer_text t)
{
	int64_t y, m, d;

	if (t.len != 24 || t.p[10] != 'T' || t.p[23] != 'Z')
		bad("a time");
	y = digits(t.p, 4);
	m = digits(t.p + 5, 2);
	d = digits(t.p + 8, 2);
	if (m <= 2) {
		y--;
		m += 12;
	}
	d += 365 * y + y / 4 - y / 100 + y / 400 + (153 * (m - 3) + 2) / 5 -
	     719469;
	return d * 86400000 + digits(t.p + 11, 2) * 3600000 +
	       digits(t.p + 14, 2) * 60000 + digits(t.p + 17, 2) * 1000 +
	       digits(t.p + 20, 3);
}

static bool
is(struct peer_text t, const char *s)
{
	size_t n = strlen(s);

	return t.len == n && memcmp(t.p, s, n) == 0;
}

static enum what
what_of(const struct peer_record *r)
{
	struct peer_text from = r->f[PEER_FROM], kind = r->f[PEER_KIND];

	if (r->quiet)
		return W_NOTHING;
	if (is(from, "customer"))
		return W_CUSTOMER;
	if (is(from, "operator"))
		return W_OPERATOR;
	if (is(from, "bot"))
		return W_BOT;
	if (kind.p == NULL)
		return W_NOTHING;
	if (is(kind, "assigned"))
		return W_ASSIGNED;
	if (is(kind, "closed"))
		return W_CLOSED;
	if (is(kind, "opened"))
		return W_OPENED;
	return is(kind, "handoff") ? W_HANDOFF : W_NOTHING;
}

static void
take_message(const struct peer_record *r, uint32_t tenant)
{
	const struct peer_text *f = r->f;
	struct step s = { .who = -1 };
	struct chat *c;
	uint32_t chat;
	bool fresh;

	if (f[PEER_CHAT].p == NULL || f[PEER_ID].p == NULL ||
	    f[PEER_AT].p == NULL || f[PEER_FROM].p == NULL)
		bad("a message lacks something");
	chat = chat_of(tenant, f[PEER_CHAT]);
	put(&ids, f[PEER_ID], chat, &fresh);
	if (!fresh)
		return;
	s.what = what_of(r);
	if (s.what == W_NOTHING)
		return;
	s.at = millis(f[PEER_AT]);
	if (s.what == W_ASSIGNED)
		s.who = person_of(tenant, f[PEER_OPERATOR]);
	else if (s.what <= W_BOT)
		s.who = person_of(tenant, f[PEER_USER]);
	c = &chats[chat];
	if (c->n > 0 && c->steps[c->n - 1].at > s.at)
		c->unsorted = true;
	XGROW(c->steps, c->n, c->cap);
	c->steps[c->n++] = s;
}

void
peer_take(const struct peer_record *r)
{
	bool fresh;
	uint32_t tenant, chat;
	struct chat *c;
	int32_t who;

	if (r->f[PEER_TYPE].p == NULL || r->f[PEER_TENANT].p == NULL)
		bad("a record has no type or no tenant");
	tenant = put(&tenants, r->f[PEER_TENANT], 0, &fresh);
	if (is(r->f[PEER_TYPE], "message")) {
		take_message(r, tenant);
	} else if (is(r->f[PEER_TYPE], "operator")) {
		who = person_of(tenant, r->f[PEER_OPERATOR]);
		if (who >= 0)
			people[who].listed = true;
	} else if (is(r->f[PEER_TYPE], "chat")) {
		who = person_of(tenant, r->f[PEER_OPERATOR]);
		chat = chat_of(tenant, r->f[PEER_CHAT]); /* may move chats */
		c = &chats[chat];
		c->holder = who;
		if (r->f[PEER_OPENED_AT].p != NULL)
			c->opened_at = millis(r->f[PEER_OPENED_AT]);
	}
}

/* The data of a chat's present episode. */
struct episode {
	int64_t from, wait, first; /* -1: not set */
	int64_t messages;
	bool open, handed;
	int32_t holder;
	struct {
		int32_t who;
		bool first;
		int64_t ms;
	} * answers;
	struct {
		int32_t who, what;
	} * writers;
	size_t answers_n, answers_cap, writers_n, writers_cap;
};

static void
restart(struct episode *e)
{
	e->from = e->wait = e->first = -1;
	e->messages = 0;
	e->handed = false;
	e->answers_n = e->writers_n = 0;
}

static void
add_writer(struct episode *e, const struct step *s)
{
	size_t i;

	e->messages++;
	for (i = 0; i < e->writers_n; i++)
		if (e->writers[i].who == s->who &&
		    e->writers[i].what == s->what)
			return;
	XGROW(e->writers, e->writers_n, e->writers_cap);
	e->writers[e->writers_n].who = s->who;
	e->writers[e->writers_n++].what = s->what;
}

static void
answer(struct episode *e, const struct step *s)
{
	bool first = e->first < 0;
	int64_t from = first ? e->from : e->wait;

	if (from >= 0) {
		XGROW(e->answers, e->answers_n, e->answers_cap);
		e->answers[e->answers_n].who = s->who;
		e->answers[e->answers_n].first = first;
		e->answers[e->answers_n++].ms = s->at - from;
	}
	if (first)
		e->first = s->at;
	e->wait = -1;
}

static void
advance(struct episode *e, const struct step *s)
{
	if (s->what <= W_BOT)
		add_writer(e, s);
	switch (s->what) {
	case W_CUSTOMER:
		e->open = true;
		e->from = e->from < 0 ? s->at : e->from;
		e->wait = e->wait < 0 ? s->at : e->wait;
		break;
	case W_OPERATOR:
		answer(e, s);
		break;
	case W_BOT:
		e->wait = -1;
		break;
	case W_HANDOFF:
		if (!e->handed) {
			e->from = s->at;
			e->wait = e->wait < 0 ? s->at : e->wait;
		}
		e->handed = true;
		break;
	case W_ASSIGNED:
		e->holder = s->who;
		break;
	case W_OPENED:
		e->open = true;
		break;
	case W_CLOSED:
		e->open = false;
		restart(e);
		break;
	default:
		break;
	}
}

static void
sort_steps(struct chat *c)
{
	struct step s;
	size_t i, k;

	for (i = 1; i < c->n; i++) {
		s = c->steps[i];
		for (k = i; k > 0 && c->steps[k - 1].at > s.at; k--)
			c->steps[k] = c->steps[k - 1];
		c->steps[k] = s;
	}
}

static void
derive(struct chat *c, struct episode *e)
{
	struct person *p;
	size_t i;

	if (c->unsorted)
		sort_steps(c);
	restart(e);
	e->open = true;
	e->holder = c->holder;
	for (i = 0; i < c->n; i++)
		if (c->steps[i].at >= c->opened_at)
			advance(e, &c->steps[i]);
	if (!e->open)
		return;
	if (e->holder >= 0) {
		people[e->holder].open++;
		people[e->holder].waiting += e->wait >= 0;
	}
	for (i = 0; i < e->answers_n; i++) {
		p = &people[e->answers[i].who];
		p->answers++;
		p->ms += e->answers[i].ms;
		p->firsts += e->answers[i].first;
		p->first_ms += e->answers[i].first ? e->answers[i].ms : 0;
	}
}

/* Sorted by number, since the slots are in no order. */
static struct peer_text *
names(const struct set *s)
{
	struct peer_text *all = xcalloc(s->used + 1, sizeof *all);
	size_t i;

	for (i = 0; s->slots != NULL && i <= s->mask; i++)
		if (s->slots[i].hash != 0)
			all[s->slots[i].number] =
			    (struct peer_text){ s->bytes + s->slots[i].start,
				    s->slots[i].len };
	return all;
}

static void
print_mean(const char *key, int64_t ms, int64_t n)
{
	int64_t v = n > 0 ? (2 * ms + n) / (2 * n) : 0;

	if (n == 0)
		printf(",\"%s\":null", key);
	else
		printf(
		    ",\"%s\":%" PRId64 ".%03d", key, v / 1000, (int)(v % 1000));
}

static void
print_key(const char *table, struct peer_text tenant, const char *key,
    struct peer_text name)
{
	printf("{\"type\":\"row\",\"table\":\"%s\",\"tenant\":\"%.*s\","
	       "\"%s\":\"%.*s\"",
	    table, (int)tenant.len, tenant.p, key, (int)name.len, name.p);
}

void
peer_print(void)
{
	struct peer_text *t = names(&tenants), *c = names(&chat_names);
	struct peer_text *n = names(&people_names);
	struct episode e = { .answers = NULL };
	const struct person *p;
	size_t i;

	for (i = 0; i < chats_n; i++) {
		derive(&chats[i], &e);
		if (!e.open)
			continue;
		print_key("chat_metrics", t[chats[i].tenant], "chat", c[i]);
		printf(",\"messages\":%" PRId64 ",\"participants\":%zu,"
		       "\"responses\":%zu}\n",
		    e.messages, e.writers_n, e.answers_n);
	}
	for (i = 0; i < people_n; i++) {
		p = &people[i];
		if (!p->listed && p->open == 0 && p->answers == 0)
			continue;
		print_key("operator_metrics", t[p->tenant], "operator", n[i]);
		printf(",\"open_chats\":%" PRId64 ",\"waiting_chats\":%" PRId64
		       ",\"responses\":%" PRId64
		       ",\"first_responses\":%" PRId64,
		    p->open, p->waiting, p->answers, p->firsts);
		print_mean("avg_response_seconds", p->ms, p->answers);
		print_mean(
		    "avg_first_response_seconds", p->first_ms, p->firsts);
		puts("}");
	}
}

void
peer_blocks(void (*each)(char *block, size_t len))
{
	char *buf = xcalloc(1, PEER_BLOCK + PEER_PAD), *end;
	size_t have = 0, len;
	ssize_t got;

	while ((got = read(0, buf + have, PEER_BLOCK - have)) > 0) {
		have += (size_t)got;
		if (have < PEER_BLOCK / 2)
			continue;
		end = memrchr(buf, '\n', have);
		if (end == NULL)
			bad("a line is too long");
		len = (size_t)(end - buf) + 1;
		each(buf, len);
		memmove(buf, buf + len, have - len);
		have -= len;
	}
	if (have > 0)
		each(buf, have);
	free(buf);
}
