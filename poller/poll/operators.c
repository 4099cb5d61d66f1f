/*
 * operators: see operators.h.
 */
#include "poller/poll/operators.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/containers/strmap.h"
#include "common/text/jsonw.h"

void
operators_release(struct operators *c)
{
	buf_release(&c->bodies);
	buf_release(&c->ids);
	buf_release(&c->list);
	buf_release(&c->seen);
	buf_release(&c->former);
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
	buf_add(&c->seen, r->id, strlen(r->id) + 1);
	value_dump(r->raw, &c->seen);
	buf_addc(&c->seen, '\0');
}

/* The next one of buf seen; *p is NULL at first. */
static bool
next_seen(const struct buf *seen, const char **p, const char **id)
{
	const char *end = buf_str(seen) + seen->len;

	*id = *p == NULL ? buf_str(seen) : *p + strlen(*p) + 1;
	*p = *id < end ? *id + strlen(*id) + 1 : end;
	return *p < end;
}

static size_t
count_former(const struct buf *seen, const struct strmap *listed)
{
	const char *p = NULL, *id;
	size_t n = 0;

	while (next_seen(seen, &p, &id))
		n += strmap_get(listed, id, strlen(id)) == NULL;
	return n;
}

/* Of those that were seen the ones that are not listed, the latest
 * FORMER_OPERATORS; *kept gets them as they are stored. */
static void
find_former(struct operators *c, const struct buf *seen, struct buf *kept)
{
	struct strmap listed = STRMAP_INIT;
	const char *p = NULL, *id = NULL;
	size_t n;

	while ((id = operators_next(c, id)) != NULL)
		*strmap_put(&listed, id, strlen(id)) = c;
	buf_clear(&c->former);
	n = count_former(seen, &listed);
	while (next_seen(seen, &p, &id)) {
		if (strmap_get(&listed, id, strlen(id)) != NULL ||
		    n-- > FORMER_OPERATORS)
			continue;
		jsonw_next(&c->former);
		buf_adds(&c->former, p);
		buf_add(kept, id, strlen(id) + 1);
		buf_add(kept, p, strlen(p) + 1);
	}
	strmap_release(&listed, NULL);
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

void
operators_keep(struct operators *c, struct store *s)
{
	struct buf seen = BUF_INIT, kept = BUF_INIT;

	if (!c->anew)
		(void)load_meta(&seen, s, "operators_seen");
	find_former(c, &seen, &kept);
	buf_add(&kept, c->seen.data, c->seen.len);
	store_put(s, STORE_META, "operators_seen", kept.data, kept.len);
	buf_release(&seen);
	buf_release(&kept);
	store_put(s, STORE_META, "operators", c->bodies.data, c->bodies.len);
	store_put(s, STORE_META, "operator_ids", c->ids.data, c->ids.len);
	store_put(s, STORE_META, "operator_list", c->list.data, c->list.len);
	store_set_number(s, "operators_at", c->asked_ms);
}

bool
operators_load(
    struct operators *c, struct store *s, int64_t now_ms, int64_t every_ms)
{
	int64_t at = store_number(s, "operators_at", CLOCK_NONE);
	struct buf seen = BUF_INIT, kept = BUF_INIT;
	size_t i;

	if (at == CLOCK_NONE || now_ms < at || now_ms - at >= every_ms ||
	    !load_meta(&c->bodies, s, "operators") ||
	    !load_meta(&c->ids, s, "operator_ids") ||
	    !load_meta(&c->list, s, "operator_list")) {
		operators_release(c);
		return false;
	}
	c->asked_ms = at;
	(void)load_meta(&seen, s, "operators_seen");
	find_former(c, &seen, &kept);
	buf_release(&seen);
	buf_release(&kept);
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

static struct value *
list_value(const struct buf *elements)
{
	struct buf text = BUF_INIT, why = BUF_INIT;
	bool repaired = false;
	struct value *v;

	jsonw_list(&text);
	buf_add(&text, elements->data, elements->len);
	jsonw_list_end(&text);
	v = value_parse(buf_str(&text), text.len, &repaired, &why);
	buf_release(&text);
	buf_release(&why);
	return v;
}

void
operators_set_in_profile(const struct operators *c, struct profile *p)
{
	struct value *list = list_value(&c->list);
	struct value *former = list_value(&c->former);

	profile_set_operators(p, list, former);
	value_unref(list);
	value_unref(former);
}

const char *
operators_next(const struct operators *c, const char *id)
{
	const char *next = id == NULL ? buf_str(&c->ids) : id + strlen(id) + 1;

	return next < buf_str(&c->ids) + c->ids.len ? next : NULL;
}
