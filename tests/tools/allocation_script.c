/*
 * allocation_script: passes events, given as lines of text, to the allocation.
 * Its oracle (tests/oracle/allocation.py) uses the same language. Ids are
 * words; "-" means none.
 *
 *   set NAME N             a setting, before all else: limit, expiry, pause,
 *                          same, same_wait, silent, offline
 *   clock T                time goes on
 *   operator ID gone       from the directory
 *   operator ID [free|away [since T]] [max N] [tags T]
 *   chat ID open|closed|pending|snoozed|gone [opened T] [holder ID] [tags T]
 *        [channel C] [customer ID]
 *                          what is absent is as before
 *   answer ID [at T]       an operator wrote in the chat
 *   limit N [operator ID] [channel C] [at T]
 *   keep ID by ID          the outcome of a reservation: who has it now
 *   refuse ID              or nobody
 *   restart [T]            what is saved is read back, at that time
 *   go                     decide: writes CHAT>OPERATOR[/REPLACED] for each
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/allocation/allocation.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"

/* The script's data about a chat or an operator; each text is owned. */
struct script_chat {
	struct allocation_chat now;
	char *id, *assignee, *tags, *channel, *customer;
};

struct script_operator {
	struct allocation_operator now;
	char *id, *tags;
	int64_t since;
};

struct allocation_script {
	struct allocation *a;
	struct allocation_settings set;
	struct allocation_listener watch;
	int64_t now;
	struct strmap chats, operators;
	struct strmap saved;        /* key -> struct buf */
	struct strmap reservations; /* chat -> id */
	struct buf out;
	char line[512];
	char *word[32];
	size_t words;
};

static void
script_reserved(void *ctx, const struct allocation_reservation *p)
{
	struct allocation_script *s = ctx;
	void **slot = strmap_put(&s->reservations, p->chat.p, p->chat.len);

	free(*slot);
	*slot = xstrdup(p->id);
	buf_addf(&s->out, "%.*s>%.*s%s%.*s ", TEXT_ARG(p->chat),
	    TEXT_ARG(p->operator_id), p->replaces.p != NULL ? "/" : "",
	    TEXT_ARG(p->replaces));
}

static void
script_open(struct allocation_script *s)
{
	if (s->a != NULL)
		return;
	s->a = allocation_new("t", &s->set, &s->watch);
	allocation_clock(s->a, s->now);
}

static void
script_init(struct allocation_script *s)
{
	memset(s, 0, sizeof *s);
	s->set = (struct allocation_settings){
		.limit = 2, .expiry = 60000, .pause = 1000
	};
	s->watch.ctx = s;
	s->watch.reserved = script_reserved;
}

static void
script_free_saved(void *p)
{
	buf_release(p);
	free(p);
}

static void
script_free_chat(void *p)
{
	struct script_chat *c = p;

	free(c->id);
	free(c->assignee);
	free(c->tags);
	free(c->channel);
	free(c->customer);
	free(c);
}

static void
script_free_operator(void *p)
{
	struct script_operator *o = p;

	free(o->id);
	free(o->tags);
	free(o);
}

static void
script_release(struct allocation_script *s)
{
	allocation_free(s->a);
	strmap_release(&s->chats, script_free_chat);
	strmap_release(&s->operators, script_free_operator);
	strmap_release(&s->saved, script_free_saved);
	strmap_release(&s->reservations, free);
	buf_release(&s->out);
}

/* Returns the word after that name; absent for "-" and if there is none. */
static struct text
script_text(const struct allocation_script *s, const char *name)
{
	struct text t = { NULL, 0 };
	size_t i;

	for (i = 1; i + 1 < s->words; i++)
		if (strcmp(s->word[i], name) == 0 &&
		    strcmp(s->word[i + 1], "-") != 0)
			t = (struct text){ s->word[i + 1],
				strlen(s->word[i + 1]) };
	return t;
}

static int64_t
script_number(const struct allocation_script *s, const char *name, int64_t def)
{
	struct text t = script_text(s, name);

	return t.p != NULL ? strtoll(t.p, NULL, 10) : def;
}

static bool
script_has(const struct allocation_script *s, const char *word)
{
	size_t i;

	for (i = 1; i < s->words; i++)
		if (strcmp(s->word[i], word) == 0)
			return true;
	return false;
}

static void
script_set(struct allocation_script *s)
{
	const struct {
		const char *name;
		int64_t *to;
	} all[] = { { "limit", &s->set.limit }, { "expiry", &s->set.expiry },
		{ "pause", &s->set.pause }, { "same", &s->set.sticky },
		{ "same_wait", &s->set.sticky_for },
		{ "silent", &s->set.silent }, { "offline", &s->set.offline } };
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i].name, s->word[1]) == 0)
			*all[i].to = strtoll(s->word[2], NULL, 10);
}

/* Keeps a copy. */
static void
script_set_text(char **to, struct text t)
{
	free(*to);
	*to = text_dup(t);
}

static struct text
script_kept(const char *s)
{
	return (struct text){ s, s != NULL ? strlen(s) : 0 };
}

static void
script_tell_chat(struct allocation_script *s, struct script_chat *c)
{
	c->now.assignee = script_kept(c->assignee);
	c->now.tags = script_kept(c->tags);
	c->now.channel = script_kept(c->channel);
	c->now.customer = script_kept(c->customer);
	allocation_chat(s->a, script_kept(c->id), &c->now);
}

static struct script_chat *
script_get_chat(struct allocation_script *s, struct text id)
{
	void **slot = strmap_put(&s->chats, id.p, id.len);
	struct script_chat *c = *slot;

	if (c == NULL) {
		*slot = c = xcalloc(1, sizeof *c);
		c->id = text_dup(id);
		c->now.status = CHAT_OPEN;
		c->now.arrival = c->now.answered_at = CLOCK_NONE;
	}
	return c;
}

static enum chat_status
script_status(const struct allocation_script *s)
{
	size_t i;

	for (i = CHAT_OPEN; i <= CHAT_GONE; i++)
		if (script_has(s, record_status_name((enum chat_status)i)))
			return (enum chat_status)i;
	return CHAT_NONE;
}

static void
script_chat(struct allocation_script *s, struct text id)
{
	struct script_chat *c = script_get_chat(s, id);
	enum chat_status status = script_status(s);

	c->now.newest = s->now;
	c->now.arrival = script_number(s, "opened", c->now.arrival);
	if (status != CHAT_NONE)
		c->now.status = status;
	if (script_has(s, "holder"))
		script_set_text(&c->assignee, script_text(s, "holder"));
	if (script_has(s, "tags"))
		script_set_text(&c->tags, script_text(s, "tags"));
	if (script_has(s, "channel"))
		script_set_text(&c->channel, script_text(s, "channel"));
	if (script_has(s, "customer"))
		script_set_text(&c->customer, script_text(s, "customer"));
	script_tell_chat(s, c);
}

static void
script_answer(struct allocation_script *s, struct text id)
{
	struct script_chat *c = strmap_get(&s->chats, id.p, id.len);
	int64_t at = script_number(s, "at", s->now);

	if (c == NULL || at <= c->now.answered_at)
		return;
	c->now.answered_at = at;
	script_tell_chat(s, c);
}

static void
script_outcome(struct allocation_script *s, struct text id)
{
	const char *reservation = strmap_get(&s->reservations, id.p, id.len);
	struct script_chat *c;

	if (reservation == NULL)
		return;
	c = script_get_chat(s, id);
	allocation_outcome(
	    s->a, id, script_kept(reservation), script_text(s, "by"));
	c->now.newest = s->now;
	script_set_text(&c->assignee, script_text(s, "by"));
	script_tell_chat(s, c);
}

static void
script_save(void *ctx, const struct buf *key, const struct buf *value)
{
	struct allocation_script *s = ctx;
	struct buf *b;
	void **slot;

	if (value->len == 0) {
		b = strmap_delete(&s->saved, key->data, key->len);
		if (b != NULL)
			script_free_saved(b);
		return;
	}
	slot = strmap_put(&s->saved, key->data, key->len);
	if (*slot == NULL)
		*slot = xcalloc(1, sizeof *b);
	b = *slot;
	buf_clear(b);
	buf_add(b, value->data, value->len);
}

static void
script_tell_operator(struct allocation_script *s, struct script_operator *o)
{
	o->now.tags = script_kept(o->tags);
	allocation_operator(s->a, script_kept(o->id), &o->now);
}

static bool
script_is_over(const struct script_chat *c)
{
	return c->now.status == CHAT_CLOSED || c->now.status == CHAT_GONE;
}

static void
script_restart(struct allocation_script *s)
{
	const struct strmap_entry *e;
	const struct buf *b;
	size_t i = 0;

	allocation_pack(s->a, script_save, s);
	allocation_free(s->a);
	s->a = NULL;
	script_open(s);
	while ((e = strmap_next(&s->saved, &i)) != NULL) {
		b = e->value;
		if (allocation_unpack(
			s->a, e->key, e->key_len, b->data, b->len) == -1)
			buf_adds(&s->out, "damaged ");
	}
	for (i = 0; (e = strmap_next(&s->operators, &i)) != NULL;)
		script_tell_operator(s, e->value);
	for (i = 0; (e = strmap_next(&s->chats, &i)) != NULL;)
		if (!script_is_over(e->value))
			script_tell_chat(s, e->value);
}

/* Of two times of availability the later one counts. A time in the future
 * counts as now. */
static void
script_set_available(
    struct script_operator *o, bool available, int64_t since, int64_t now)
{
	if (since > now)
		since = now;
	if (since != CLOCK_NONE && since < o->since)
		return;
	o->now.available = available;
	o->since = since;
}

static void
script_operator(struct allocation_script *s, struct text id)
{
	void **slot = strmap_put(&s->operators, id.p, id.len);
	struct script_operator *o = *slot;

	if (o == NULL) {
		*slot = o = xcalloc(1, sizeof *o);
		o->id = text_dup(id);
	}
	if (!o->now.listed) {
		script_set_text(&o->tags, (struct text){ NULL, 0 });
		o->now = (struct allocation_operator){ .listed = true,
			.available = true,
			.max_chats = RECORD_NO_NUMBER };
		o->since = CLOCK_NONE;
	}
	if (script_has(s, "free") || script_has(s, "away"))
		script_set_available(o, script_has(s, "free"),
		    script_number(s, "since", CLOCK_NONE), s->now);
	o->now.listed = !script_has(s, "gone");
	o->now.max_chats = script_number(s, "max", o->now.max_chats);
	if (script_has(s, "tags"))
		script_set_text(&o->tags, script_text(s, "tags"));
	script_tell_operator(s, o);
}

/* Carries out one line, which was split into words. */
static void
script_do(struct allocation_script *s)
{
	struct text id = { s->words > 1 ? s->word[1] : "",
		s->words > 1 ? strlen(s->word[1]) : 0 };
	const char *what = s->word[0];

	if (strcmp(what, "set") == 0) {
		script_set(s);
		return;
	}
	script_open(s);
	if (strcmp(what, "clock") == 0) {
		s->now = strtoll(id.p, NULL, 10);
		allocation_clock(s->a, s->now);
	} else if (strcmp(what, "operator") == 0) {
		script_operator(s, id);
	} else if (strcmp(what, "chat") == 0) {
		script_chat(s, id);
	} else if (strcmp(what, "answer") == 0) {
		script_answer(s, id);
	} else if (strcmp(what, "limit") == 0) {
		allocation_limit(s->a, script_text(s, "operator"),
		    script_text(s, "channel"),
		    *id.p == '-' ? RECORD_NO_NUMBER : strtoll(id.p, NULL, 10),
		    script_number(s, "at", s->now));
	} else if (strcmp(what, "keep") == 0 || strcmp(what, "refuse") == 0) {
		script_outcome(s, id);
	} else if (strcmp(what, "restart") == 0) {
		if (s->words > 1)
			s->now = strtoll(id.p, NULL, 10);
		script_restart(s);
	} else if (strcmp(what, "go") == 0) {
		(void)allocation_select(s->a);
	} else {
		buf_addf(&s->out, "what is '%s'? ", what);
	}
}

/* Runs lines that are separated by newlines or semicolons. */
static void
script_run(struct allocation_script *s, const char *text)
{
	const char *end;
	char *save = NULL, *word;

	for (; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
		end = text + strcspn(text, ";\n");
		(void)snprintf(
		    s->line, sizeof s->line, "%.*s", (int)(end - text), text);
		s->words = 0;
		for (word = strtok_r(s->line, " \t", &save);
		     word != NULL && s->words < ARRAY_LEN(s->word);
		     word = strtok_r(NULL, " \t", &save))
			s->word[s->words++] = word;
		if (s->words > 0)
			script_do(s);
	}
}

int
main(void)
{
	struct allocation_script s;
	char line[512];

	script_init(&s);
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (strcmp(line, "new\n") == 0) {
			script_release(&s);
			script_init(&s);
			continue;
		}
		script_run(&s, line);
		if (strcmp(line, "go\n") != 0 && strcmp(line, "unsent\n") != 0)
			continue;
		puts(buf_str(&s.out));
		buf_clear(&s.out);
	}
	script_release(&s);
	return 0;
}
