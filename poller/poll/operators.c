/*
 * operators: see operators.h.
 */
#include "poller/poll/operators.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/text/jsonw.h"

void
operators_release(struct operators *c)
{
	buf_release(&c->bodies);
	buf_release(&c->ids);
	buf_release(&c->list);
}

void
operators_add(struct operators *c, const struct crm_record *r, int64_t asked_ms)
{
	if (r->type != RECORD_OPERATOR)
		return;
	c->n++;
	c->asked_ms = asked_ms;
	buf_add(&c->bodies, r->body, strlen(r->body) + 1);
	buf_add(&c->ids, r->id, strlen(r->id) + 1);
	jsonw_next(&c->list);
	value_dump(r->raw, &c->list);
}

void
operators_keep(const struct operators *c, struct store *s)
{
	store_put(s, STORE_META, "operators", c->bodies.data, c->bodies.len);
	store_put(s, STORE_META, "operator_ids", c->ids.data, c->ids.len);
	store_put(s, STORE_META, "operator_list", c->list.data, c->list.len);
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
	size_t i;

	if (at == CLOCK_NONE || now_ms < at || now_ms - at >= every_ms ||
	    !load_meta(&c->bodies, s, "operators") ||
	    !load_meta(&c->ids, s, "operator_ids") ||
	    !load_meta(&c->list, s, "operator_list")) {
		operators_release(c);
		return false;
	}
	c->asked_ms = at;
	for (i = 0; i < c->ids.len; i++)
		c->n += c->ids.data[i] == '\0';
	return true;
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
	size_t i, len;

	for (i = 0; i < c->n; i++) {
		len = strlen(body);
		emit_record(e, "operator", body, len, NULL);
		body += len + 1;
	}
}

void
operators_set_in_profile(const struct operators *c, struct profile *p)
{
	struct buf text = BUF_INIT, why = BUF_INIT;
	bool repaired = false;
	struct value *v;

	jsonw_list(&text);
	buf_add(&text, c->list.data, c->list.len);
	jsonw_list_end(&text);
	v = value_parse(buf_str(&text), text.len, &repaired, &why);
	profile_set_operators(p, v);
	value_unref(v);
	buf_release(&text);
	buf_release(&why);
}

const char *
operators_next(const struct operators *c, const char *id)
{
	const char *next = id == NULL ? buf_str(&c->ids) : id + strlen(id) + 1;

	return next < buf_str(&c->ids) + c->ids.len ? next : NULL;
}
