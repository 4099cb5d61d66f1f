/*
 * route_collect: see route_collect.h.
 */
#include "poller/routes/route_collect.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/text/json_read.h"
#include "common/text/jsonw.h"
#include "poller/hooks/listener_context.h"
#include "poller/routes/route.h"

const struct validate_place collect_body = { NULL, "body", 0 };
static const struct validate_place in_query = { NULL, "query", 0 };
static const struct validate_place in_header = { NULL, "header", 0 };

/* Bad JSON is the only error then. False: the answer is made. */
static bool
read_json_request(struct collect *c)
{
	struct validate_place at = { &collect_body, NULL, 0 };
	struct json_read_error fault;

	c->body = json_read_strictly(c->r->body, c->r->len, &fault);
	if (c->body != NULL)
		return true;
	if (fault.what == NULL) {
		route_detail(c->a, 400, "There was an error parsing the body");
		return false;
	}
	at.index = fault.at;
	validate_error(&c->errors, &at, "is not JSON: %s", fault.what);
	validate_answer(&c->errors, c->a);
	return false;
}

/* As in the original, a body of another content type is a text. */
static bool
read_request_body(struct collect *c)
{
	if (c->r->len == 0)
		return true;
	if (route_says_json(c->r))
		return read_json_request(c);
	if (!parse_is_utf8(c->r->body, c->r->len)) {
		route_detail(c->a, 400, "There was an error parsing the body");
		return false;
	}
	c->body = json_stringn(c->r->body, c->r->len);
	return true;
}

static void
read_query_tenant(struct collect *c)
{
	struct validate_place at = { &in_query, "tenant_id", 0 };
	const char *name = c->r->query(c->r, "tenant_id");

	if (c->sender.by_token)
		return;
	if (name == NULL) {
		validate_error(&c->errors, &at, "is missing");
	} else if (!parse_is_name(name, RECORD_MAX_TENANT)) {
		validate_error(&c->errors, &at,
		    "must be 1 to %d letters, digits and _.-, and begin with "
		    "a letter, a digit or _",
		    RECORD_MAX_TENANT);
	} else {
		memcpy(c->sender.tenant, name, strlen(name) + 1);
	}
}

static void
read_idempotency_key(struct collect *c)
{
	struct validate_place at = { &in_header, "idempotency-key", 0 };

	if (!route_key(c->r, &c->key))
		validate_error(&c->errors, &at,
		    "must be 1 to 180 visible ASCII characters");
}

bool
collect_begin(struct collect *c)
{
	if (!route_token(c->in, c->r, c->a, &c->sender))
		return false;
	if (!c->sender.by_token && !route_is_trusted(c->in, c->r, 403, c->a))
		return false;
	if (!read_request_body(c))
		return false;
	read_query_tenant(c);
	read_idempotency_key(c);
	if (c->body == NULL)
		validate_error(&c->errors, &collect_body, "is missing");
	return true;
}

/* The key is that of another request. */
static void
answer_key_conflict(struct collect *c)
{
	struct validate_place at = { &in_header, "idempotency-key", 0 };

	validate_error(&c->errors, &at, "is that of another request");
	validate_answer(&c->errors, c->a);
}

void
collect_finish(
    struct collect *c, const char *kind, collect_write *write, void *ctx)
{
	c->first = (struct first_request){ .at = c->r->now_ms };
	if (c->errors.n > 0) {
		validate_answer(&c->errors, c->a);
		return;
	}
	if (!write(c, ctx))
		return;
	switch (route_first(c->in, c->r, &c->sender, kind, c->key, &c->first)) {
	case IDEMPOTENCY_OTHER:
		route_clear_answer(c->a);
		answer_key_conflict(c);
		break;
	case IDEMPOTENCY_FAILED:
		route_clear_answer(c->a);
		route_busy(c->a);
		break;
	case IDEMPOTENCY_AGAIN:
		route_clear_answer(c->a);
		(void)write(c, ctx);
		break;
	case IDEMPOTENCY_NEW:
		break;
	}
}

void
collect_end(struct collect *c)
{
	json_decref(c->body);
	validate_release(&c->errors);
}

void
collect_id(const struct collect *c, char id[ROUTE_KEY_ID])
{
	if (c->key != NULL)
		route_key_id(c->key, c->r, &c->first, id);
	else
		route_uuid(id);
}

bool
collect_fits(struct collect *c, size_t from, const struct validate_place *at)
{
	if (c->a->records.len - from <= RECORD_MAX_LINE)
		return true;
	validate_error(&c->errors, at, "is too large for one record");
	route_clear_answer(c->a);
	validate_answer(&c->errors, c->a);
	return false;
}

void
collect_member(struct buf *b, const char *name, json_t *v)
{
	char *text =
	    v != NULL ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	jsonw_key(b, name);
	buf_adds(b, text != NULL ? text : "null");
	free(text);
}
