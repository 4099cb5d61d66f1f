/*
 * operators: see operators.h.
 */
#include "poller/chats/operators.h"

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/json/jsonw.h"
#include "poller/crm/json_read.h"

void
operators_init(struct operators *c, char *const *bots)
{
	*c = (struct operators){ .bots = bots,
		.bodies = json_object(),
		.rows = json_object(),
		.former = json_object() };
}

void
operators_release(struct operators *c)
{
	json_decref(c->bodies);
	json_decref(c->rows);
	json_decref(c->former);
}

bool
operators_is_bot(const struct operators *c, const char *id)
{
	return c->bots != NULL && text_is_listed(id, c->bots);
}

const char *
operators_add(struct operators *c, const struct crm_record *r, int64_t asked_ms)
{
	struct buf body = BUF_INIT;

	if (r->type != RECORD_OPERATOR)
		return NULL;
	c->asked_ms = asked_ms;
	buf_adds(&body, r->body);
	if (r->at == CLOCK_NONE)
		jsonw_time(&body, "at", asked_ms);
	crm_record_add_available_at(&body, r, asked_ms);
	if (operators_is_bot(c, r->id))
		buf_adds(&body, ",\"stale\":true");
	(void)json_object_set_new(
	    c->bodies, r->id, json_string(buf_str(&body)));
	(void)json_object_set(c->rows, r->id, r->raw);
	buf_release(&body);
	return json_string_value(json_object_get(c->bodies, r->id));
}

/* Drops former operators who are listed again, and the oldest ones if there are
 * too many. */
static void
drop_listed_former(struct operators *c)
{
	const char *id;
	json_t *v;

	json_object_foreach (c->rows, id, v)
		(void)json_object_del(c->former, id);
	while (json_object_size(c->former) > FORMER_OPERATORS)
		(void)json_object_del(c->former,
		    json_object_iter_key(json_object_iter(c->former)));
}

static void
keep_object(struct store *s, const char *key, json_t *object)
{
	struct buf text = BUF_INIT;

	value_dump(object, &text);
	store_put(s, STORE_META, key, text.data, text.len);
	buf_release(&text);
}

void
operators_keep(struct operators *c, struct store *s)
{
	drop_listed_former(c);
	keep_object(s, "operators", c->bodies);
	keep_object(s, "operator_rows", c->rows);
	keep_object(s, "former_operators", c->former);
	store_set_number(s, "operators_at", c->asked_ms);
}

/* Adds the members of a stored object; false if there is none. */
static bool
load_object(json_t *to, struct store *s, const char *key)
{
	struct buf why = BUF_INIT;
	json_t *object = NULL;
	const void *data;
	size_t len;
	bool got;

	if (store_get(s, STORE_META, key, &data, &len))
		object = json_read_repaired(data, len, &why);
	got = json_object_update(to, object) == 0;
	json_decref(object);
	buf_release(&why);
	return got;
}

bool
operators_load(
    struct operators *c, struct store *s, int64_t now_ms, int64_t every_ms)
{
	int64_t at = store_number(s, "operators_at", CLOCK_NONE);

	(void)load_object(c->former, s, "former_operators");
	if (at != CLOCK_NONE && now_ms >= at && now_ms - at < every_ms &&
	    load_object(c->bodies, s, "operators") &&
	    load_object(c->rows, s, "operator_rows")) {
		c->asked_ms = at;
		return true;
	}
	(void)json_object_clear(c->bodies);
	(void)load_object(c->former, s, "operator_rows");
	return false;
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
	const char *id;
	json_t *body;

	json_object_foreach (c->bodies, id, body)
		emit_record(e, "operator", json_string_value(body),
		    json_string_length(body));
}

static json_t *
values_of(json_t *object)
{
	json_t *list = json_array(), *v;
	const char *id;

	json_object_foreach (object, id, v)
		(void)json_array_append(list, v);
	return list;
}

void
operators_set_in_profile(const struct operators *c, struct profile *p)
{
	json_t *list = values_of(c->rows), *former = values_of(c->former);

	profile_set_operators(p, list, former);
	json_decref(list);
	json_decref(former);
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
	q.with = json_pack("{s:s?, s:o}", "operator", operator_id, "since",
	    profile_seconds(l->since_ms));
	q.ctx = l;
	q.page = chat_list_page;
	q.end = list_end;
	l->left++;
	fetch_ask(l->crm->fetch, &q);
}

static void
free_chats_end(void *ctx, const struct ending *e)
{
	struct chat_lists *l = ctx;
	const char *id;
	json_t *v;

	if (e->error == ERROR_CLASS_NONE)
		json_object_foreach (l->operators->rows, id, v)
			ask_chat_list(l, id, chat_list_end);
	chat_list_end(l, e);
}

void
chat_lists_ask(struct chat_lists *l)
{
	struct profile *profile = l->crm->tenant->profile;
	bool by_operator = profile_about(profile)->by_operator;

	if (profile_about(profile)->operators_first)
		operators_set_in_profile(l->operators, profile);
	ask_chat_list(l, NULL, by_operator ? free_chats_end : chat_list_end);
}
