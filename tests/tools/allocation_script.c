/*
 * allocation_script: runs events that come as lines of text through the
 * allocation. Its oracle (tests/oracle/allocation.py) speaks the same. Ids are
 * words; "-" is nobody, or none.
 *
 *   set NAME N             a setting, before all else: limit, expiry, pause,
 *                          same, same_wait, silent, offline
 *   clock T                time goes on
 *   operator ID [free|away [since T]] [max N] [tags T]
 *   chat ID open|closed|pending|snoozed|gone [opened T] [holder ID] [tags T]
 *        [channel C] [customer ID]
 *                          what is absent is as before
 *   answer ID [at T]       an operator wrote in the chat
 *   limit N [operator ID] [channel C] [at T]
 *   keep ID by ID          the outcome of a reservation: who has it now
 *   refuse ID              or nobody
 *   sent                   what was reserved was sent
 *   restart [T]            what is saved is read back, at that time
 *   go                     decide: writes CHAT>OPERATOR[/REPLACED] for each
 *   unsent                 writes ?CHAT for each reservation that was not sent
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/allocation/allocation.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"

struct allocation_script {
	struct allocation *a;
	struct allocation_settings set;
	struct allocation_listener watch;
	int64_t now;
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
		.limit = 2, .expiry = 60000, .pause = 1000, .window = 86400000
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
script_release(struct allocation_script *s)
{
	allocation_free(s->a);
	strmap_release(&s->saved, script_free_saved);
	strmap_release(&s->reservations, free);
	buf_release(&s->out);
}

/* The word behind that name, absent for "-" or none. */
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

static void
script_chat(struct allocation_script *s, struct text id)
{
	struct allocation_chat_update update = { .at = s->now,
		.opened_at = script_number(s, "opened", CLOCK_NONE),
		.status = script_has(s, "open")      ? CHAT_OPEN
			  : script_has(s, "closed")  ? CHAT_CLOSED
			  : script_has(s, "pending") ? CHAT_PENDING
			  : script_has(s, "snoozed") ? CHAT_SNOOZED
			  : script_has(s, "gone")    ? CHAT_GONE
						     : CHAT_NONE,
		.has_assignee = script_has(s, "holder"),
		.assignee = script_text(s, "holder"),
		.tags = script_text(s, "tags"),
		.channel = script_text(s, "channel"),
		.customer = script_text(s, "customer") };

	allocation_chat(s->a, id, &update);
}

static void
script_outcome(struct allocation_script *s, struct text id)
{
	const char *reservation = strmap_get(&s->reservations, id.p, id.len);
	struct allocation_chat_update update = { .at = s->now,
		.opened_at = CLOCK_NONE,
		.has_assignee = true,
		.assignee = script_text(s, "by") };

	if (reservation == NULL)
		return;
	update.reservation = (struct text){ reservation, strlen(reservation) };
	allocation_chat(s->a, id, &update);
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
}

static void
script_unsent(void *ctx, const struct allocation_reservation *p)
{
	struct allocation_script *s = ctx;

	buf_addf(&s->out, "?%.*s ", TEXT_ARG(p->chat));
}

static void
script_operator(struct allocation_script *s, struct text id)
{
	struct allocation_operator_update p = { script_has(s, "free") ||
						    script_has(s, "away"),
		script_has(s, "free"), script_number(s, "since", CLOCK_NONE),
		script_number(s, "max", RECORD_NO_NUMBER),
		script_text(s, "tags") };

	allocation_operator(s->a, id, &p);
}

/* One line, which is at hand in words. */
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
		allocation_answered(s->a, id, script_number(s, "at", s->now));
	} else if (strcmp(what, "limit") == 0) {
		allocation_limit(s->a, script_text(s, "operator"),
		    script_text(s, "channel"),
		    *id.p == '-' ? RECORD_NO_NUMBER : strtoll(id.p, NULL, 10),
		    script_number(s, "at", s->now));
	} else if (strcmp(what, "keep") == 0 || strcmp(what, "refuse") == 0) {
		script_outcome(s, id);
	} else if (strcmp(what, "sent") == 0) {
		allocation_outbox_sent(s->a);
	} else if (strcmp(what, "restart") == 0) {
		if (s->words > 1)
			s->now = strtoll(id.p, NULL, 10);
		script_restart(s);
	} else if (strcmp(what, "go") == 0) {
		(void)allocation_select(s->a);
	} else if (strcmp(what, "unsent") == 0) {
		allocation_outbox_each(s->a, script_unsent, s);
	} else {
		buf_addf(&s->out, "what is '%s'? ", what);
	}
}

/* Lines, parted by newlines or semicolons. */
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
