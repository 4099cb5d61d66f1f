/*
 * message: see message.h.
 */
#include "poller/notify/message.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/digest/hash.h"
#include "common/json/jsonw.h"

/* How many chats the text lists. */
#define LISTED 10

void
notice_read(struct notice *n, const struct record *r)
{
	*n = (struct notice){ .id = text_dup(r->id),
		.tenant = text_dup(r->tenant),
		.rule = text_dup(r->rule),
		.kind = text_dup(r->kind),
		.scope = r->scope.p != NULL ? text_dup(r->scope) : xstrdup(""),
		.chat = text_dup(r->chat),
		.channel = text_dup(r->channel),
		.begin = r->begin_at,
		.fired = r->fired_at,
		.over = r->over_at,
		.value = r->value != RECORD_NO_NUMBER ? r->value : 0,
		.target = r->target != RECORD_NO_NUMBER ? r->target : 0 };
}

void
notice_release(struct notice *n)
{
	free(n->id);
	free(n->tenant);
	free(n->rule);
	free(n->kind);
	free(n->scope);
	free(n->chat);
	free(n->channel);
}

static bool
is_over(const struct notice *n)
{
	return n->over != CLOCK_NONE;
}

bool
notice_belongs(const struct notice *a, const struct notice *b)
{
	return is_over(a) == is_over(b) && strcmp(a->tenant, b->tenant) == 0 &&
	       strcmp(a->rule, b->rule) == 0 &&
	       strcmp(a->scope, b->scope) == 0 && strcmp(a->kind, b->kind) == 0;
}

/* ---- the text ---- */

static void
add_duration(struct buf *to, int64_t seconds)
{
	int64_t min = seconds / 60;

	if (seconds < 60)
		buf_addf(to, "%d s", (int)(seconds > 0 ? seconds : 0));
	else if (min < 60)
		buf_addf(to, "%d min", (int)min);
	else if (min % 60 == 0)
		buf_addf(to, "%lld h", (long long)(min / 60));
	else
		buf_addf(to, "%lld h %d min", (long long)(min / 60),
		    (int)(min % 60));
}

static void
add_customers(struct buf *to, int64_t n, const char *one, const char *many)
{
	if (n == 1)
		buf_addf(to, "a customer %s", one);
	else
		buf_addf(to, "%lld customers %s", (long long)n, many);
}

static void
add_wait(struct buf *to, const struct notice *const *v, size_t n)
{
	int64_t longest = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i]->value > longest)
			longest = v[i]->value;
	buf_adds(to, n == 1 ? ", waiting for " : ", the longest wait is ");
	add_duration(to, longest);
	if (n == 1 && v[0]->target > 0) {
		buf_adds(to, " (target ");
		add_duration(to, v[0]->target);
		buf_addc(to, ')');
	}
}

static void
add_test(struct buf *to, const struct notice *n)
{
	const struct clock_date at = clock_split(n->fired);

	buf_addf(to, "this is a test, sent at %02d:%02d:%02d UTC", at.hour,
	    at.minute, at.second);
}

static void
add_fired(struct buf *to, const struct notice *const *v, size_t n)
{
	const struct notice *first = v[0];

	if (strcmp(first->kind, "test") == 0) {
		add_test(to, first);
	} else if (strcmp(first->kind, "soon") == 0) {
		add_customers(
		    to, (int64_t)n, "will be late soon", "will be late soon");
		add_wait(to, v, n);
	} else if (strcmp(first->kind, "late") == 0) {
		add_customers(to, (int64_t)n, "is late", "are late");
		add_wait(to, v, n);
	} else if (strcmp(first->kind, "nobody_online") == 0) {
		buf_adds(to, "nobody is online, and ");
		add_customers(to, first->value, "is waiting", "are waiting");
	} else {
		add_customers(to, first->value, "is waiting too long",
		    "are waiting too long");
	}
}

static void
add_over(struct buf *to, const struct notice *const *v, size_t n)
{
	const char *kind = v[0]->kind;

	if (n > 1) {
		buf_addf(to, "%zu notices are over", n);
		return;
	}
	buf_adds(to, "over after ");
	add_duration(to, (v[0]->over - v[0]->begin) / 1000);
	if (strcmp(kind, "soon") == 0)
		buf_adds(to, ": a customer would have been late soon");
	else if (strcmp(kind, "late") == 0)
		buf_adds(to, ": a customer was late");
	else if (strcmp(kind, "nobody_online") == 0)
		buf_adds(to, ": nobody was online");
	else
		buf_adds(to, ": customers were waiting too long");
}

/* Appends the address of the chat in the CRM; returns false if it is not
 * known. */
static bool
add_link(const struct conf *c, const struct notice *n, struct buf *to)
{
	static const char place[] = "{chat}";
	char *section = xasprintf("crm %s", n->tenant);
	const char *url = NULL, *at;

	if (n->chat != NULL && conf_has_tenant(c, n->tenant))
		url = conf_text(c, section, "chat_url");
	free(section);
	at = url != NULL ? strstr(url, place) : NULL;
	if (at == NULL)
		return false;
	buf_add(to, url, (size_t)(at - url));
	percent_encode(to, n->chat);
	buf_adds(to, at + strlen(place));
	return true;
}

static void
add_chat_lines(struct buf *to, const struct conf *c,
    const struct notice *const *v, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < LISTED; i++) {
		if (v[i]->chat == NULL)
			continue;
		buf_addc(to, '\n');
		if (!add_link(c, v[i], to))
			buf_addf(to, "chat %s", v[i]->chat);
	}
	if (n > LISTED)
		buf_addf(to, "\nand %zu more", n - LISTED);
}

static void
make_text(struct buf *to, const struct conf *c, const struct notice *const *v,
    size_t n)
{
	buf_adds(to, v[0]->tenant);
	if (*v[0]->scope != '\0')
		buf_addf(to, ", %s", v[0]->scope);
	buf_adds(to, ": ");
	if (is_over(v[0]))
		add_over(to, v, n);
	else
		add_fired(to, v, n);
	add_chat_lines(to, c, v, n);
}

/* ---- the input of a format ---- */

static void
add_notice(struct buf *to, const struct conf *c, const struct notice *n)
{
	struct buf link = BUF_INIT;

	jsonw_next(to);
	jsonw_open(to);
	jsonw_str(to, "id", n->id);
	if (n->chat != NULL)
		jsonw_str(to, "chat", n->chat);
	if (n->channel != NULL)
		jsonw_str(to, "channel", n->channel);
	if (add_link(c, n, &link))
		jsonw_str(to, "link", buf_str(&link));
	jsonw_time(to, "begin_at", n->begin);
	jsonw_time(to, "fired_at", n->fired);
	jsonw_time(to, "over_at", n->over);
	jsonw_int(to, "value", n->value);
	jsonw_int(to, "target", n->target);
	jsonw_close(to);
	buf_release(&link);
}

static void
make_json(struct message *m, const struct conf *c,
    const struct notice *const *v, size_t n, const char *recipient)
{
	struct buf *to = &m->json;
	size_t i;

	jsonw_open(to);
	jsonw_str(to, "id", m->id);
	jsonw_str(to, "tenant", v[0]->tenant);
	jsonw_str(to, "rule", v[0]->rule);
	jsonw_str(to, "kind", v[0]->kind);
	jsonw_str(to, "scope", v[0]->scope);
	jsonw_str(to, "state", is_over(v[0]) ? "over" : "fired");
	jsonw_int(to, "count", (int64_t)n);
	jsonw_str(to, "text", buf_str(&m->text));
	if (recipient != NULL)
		jsonw_str(to, "recipient", recipient);
	jsonw_key(to, "notices");
	jsonw_list(to);
	for (i = 0; i < n; i++)
		add_notice(to, c, v[i]);
	jsonw_list_end(to);
	jsonw_close(to);
}

static void
make_id(char id[MESSAGE_ID], const struct notice *const *v, size_t n)
{
	struct buf all = BUF_INIT;
	unsigned char bytes[16];
	struct hash_128 h;
	size_t i;

	for (i = 0; i < n; i++)
		buf_addf(&all, "%s %d\n", v[i]->id, is_over(v[i]));
	h = hash_text_128(0, all.data, all.len);
	memcpy(bytes, &h.high, 8);
	memcpy(bytes + 8, &h.low, 8);
	hex_write(id, bytes, sizeof bytes);
	id[MESSAGE_ID - 1] = '\0';
	buf_release(&all);
}

void
message_make(struct message *m, const struct conf *c,
    const struct notice *const *notices, size_t n, const char *recipient)
{
	*m = (struct message){ .text = BUF_INIT, .json = BUF_INIT };
	make_id(m->id, notices, n);
	make_text(&m->text, c, notices, n);
	make_json(m, c, notices, n, recipient);
}

void
message_release(struct message *m)
{
	buf_release(&m->text);
	buf_release(&m->json);
}
