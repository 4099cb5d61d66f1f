/*
 * operators: see operators.h.
 */
#include "poller/chats/operators.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/containers/strmap.h"
#include "common/text/jsonw.h"

/* Returns the text after this one in a buffer of texts that each end with
 * NUL. */
static const char *
after(const char *text)
{
	return text + strlen(text) + 1;
}

/* Returns the id of the row after this one, NULL after the last; start with
 * NULL. The row's JSON follows its id. */
static const char *
next_row(const struct buf *rows, const char *id)
{
	const char *next = id == NULL ? buf_str(rows) : after(after(id));

	return next < buf_str(rows) + rows->len ? next : NULL;
}

void
operators_release(struct operators *c)
{
	buf_release(&c->bodies);
	buf_release(&c->rows);
	buf_release(&c->former);
}

bool
operators_is_bot(const struct operators *c, const char *id)
{
	char *const *bot = c->bots;

	while (bot != NULL && *bot != NULL && strcmp(*bot, id) != 0)
		bot++;
	return bot != NULL && *bot != NULL;
}

const char *
operators_add(struct operators *c, const struct crm_record *r, int64_t asked_ms)
{
	size_t begin = c->bodies.len;

	if (r->type != RECORD_OPERATOR)
		return NULL;
	c->n++;
	c->asked_ms = asked_ms;
	buf_adds(&c->bodies, r->body);
	if (r->at == CLOCK_NONE)
		jsonw_time(&c->bodies, "at", asked_ms);
	crm_record_add_available_at(&c->bodies, r, asked_ms);
	if (operators_is_bot(c, r->id))
		buf_adds(&c->bodies, ",\"stale\":true");
	buf_addc(&c->bodies, '\0');
	buf_add(&c->rows, r->id, strlen(r->id) + 1);
	value_dump(r->raw, &c->rows);
	buf_addc(&c->rows, '\0');
	return c->bodies.data + begin;
}

/* Drops former operators who are listed again, and the oldest ones if there are
 * too many. */
static void
drop_listed_former(struct operators *c)
{
	struct strmap listed = STRMAP_INIT;
	struct buf kept = BUF_INIT;
	const char *id = NULL;
	size_t n = 0;

	while ((id = next_row(&c->rows, id)) != NULL)
		*strmap_put(&listed, id, strlen(id)) = c;
	while ((id = next_row(&c->former, id)) != NULL) {
		if (strmap_get(&listed, id, strlen(id)) != NULL)
			continue;
		buf_add(&kept, id, (size_t)(after(after(id)) - id));
		n++;
	}
	for (; n > FORMER_OPERATORS; n--)
		id = next_row(&kept, id);
	id = next_row(&kept, id);
	buf_clear(&c->former);
	if (id != NULL)
		buf_add(
		    &c->former, id, kept.len - (size_t)(id - buf_str(&kept)));
	buf_release(&kept);
	strmap_release(&listed, NULL);
}

void
operators_keep(struct operators *c, struct store *s)
{
	drop_listed_former(c);
	store_put(s, STORE_META, "operators", c->bodies.data, c->bodies.len);
	store_put(s, STORE_META, "operator_rows", c->rows.data, c->rows.len);
	store_put(
	    s, STORE_META, "former_operators", c->former.data, c->former.len);
	store_set_number(s, "operators_at", c->asked_ms);
}

static bool
load_meta(struct buf *to, struct store *s, const char *key)
{
	const void *data;
	size_t len;

	if (!store_get(s, STORE_META, key, &data, &len))
		return false;
	buf_add(to, data, len);
	return true;
}

bool
operators_load(
    struct operators *c, struct store *s, int64_t now_ms, int64_t every_ms)
{
	int64_t at = store_number(s, "operators_at", CLOCK_NONE);
	const char *id = NULL;

	(void)load_meta(&c->former, s, "former_operators");
	if (at == CLOCK_NONE || now_ms < at || now_ms - at >= every_ms ||
	    !load_meta(&c->bodies, s, "operators") ||
	    !load_meta(&c->rows, s, "operator_rows")) {
		buf_release(&c->bodies);
		(void)load_meta(&c->former, s, "operator_rows");
		return false;
	}
	c->asked_ms = at;
	while ((id = next_row(&c->rows, id)) != NULL)
		c->n++;
	return true;
}

void
operators_forget(struct store *s)
{
	store_delete(s, STORE_META, "operators");
	store_delete(s, STORE_META, "operator_rows");
	store_delete(s, STORE_META, "former_operators");
}

void
operators_invalidate(struct store *s)
{
	store_delete(s, STORE_META, "operators_at");
}

void
operators_emit(const struct operators *c, struct emit *e)
{
	const char *body = buf_str(&c->bodies);
	size_t i;

	for (i = 0; i < c->n; i++, body = after(body))
		emit_record(e, "operator", body, strlen(body), NULL);
}

static json_t *
list_value(const struct buf *rows)
{
	struct buf text = BUF_INIT, why = BUF_INIT;
	const char *id = NULL;
	bool repaired = false;
	json_t *v;

	jsonw_list(&text);
	while ((id = next_row(rows, id)) != NULL) {
		jsonw_next(&text);
		buf_adds(&text, after(id));
	}
	jsonw_list_end(&text);
	v = value_parse(buf_str(&text), text.len, &repaired, &why);
	buf_release(&text);
	buf_release(&why);
	return v;
}

void
operators_set_in_profile(const struct operators *c, struct profile *p)
{
	json_t *list = list_value(&c->rows);
	json_t *former = list_value(&c->former);

	profile_set_operators(p, list, former);
	json_decref(list);
	json_decref(former);
}

/* Returns the next id, borrowed; NULL after the last. Start with NULL. */
static const char *
operators_next(const struct operators *c, const char *id)
{
	return next_row(&c->rows, id);
}

/* ---- chat lists ---- */

static void
chat_list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct chat_lists *l = ctx;

	l->list_question.page(l->list_question.ctx, a, asked_ms);
}

static void
chat_list_end(void *ctx, const struct ending *e)
{
	struct chat_lists *l = ctx;

	l->left--;
	if (l->ended || (l->left > 0 && e->error == ERROR_CLASS_NONE))
		return;
	l->ended = true;
	l->list_question.end(l->list_question.ctx, e);
}

static void
ask_chat_list(struct chat_lists *l, const char *operator_id,
    void (*list_end)(void *ctx, const struct ending *e))
{
	struct crm_question q = l->list_question;

	q.call = PROFILE_CHATS;
	q.operator_id = operator_id;
	q.ctx = l;
	q.page = chat_list_page;
	q.end = list_end;
	l->left++;
	fetch_ask(l->fetch, &q);
}

static void
free_chats_end(void *ctx, const struct ending *e)
{
	struct chat_lists *l = ctx;
	const char *id = NULL;

	while (e->error == ERROR_CLASS_NONE &&
	       (id = operators_next(l->operators, id)) != NULL)
		ask_chat_list(l, id, chat_list_end);
	chat_list_end(l, e);
}

void
chat_lists_ask(struct chat_lists *l)
{
	if (profile_about(l->profile)->operators_first)
		operators_set_in_profile(l->operators, l->profile);
	ask_chat_list(l, NULL, l->by_operator ? free_chats_end : chat_list_end);
}
