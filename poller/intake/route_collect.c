/*
 * route_collect: checks the body of a request, and writes its records and its
 * answer; see route.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/digest/hash.h"
#include "common/json/jsonw.h"
#include "common/records/record.h"
#include "common/tables/tables.h"
#include "poller/crm/json_read.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/route.h"

/* ---- checking values ---- */

/* In texts, U+FFFD replaces a NUL or half a character (json_read.h), so two
 * different identifiers could become the same. */
bool
validate_is_id(const char *s, size_t len, size_t max)
{
	return len > 0 && len <= max && record_id_error(s, len) == NULL &&
	       strstr(s, "\xEF\xBF\xBD") == NULL;
}

size_t
validate_length(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

static bool
check_id(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	size_t len = json_string_length(v);

	if (len == 0 && field->kind == VALIDATE_ID)
		validate_error(f, at, "must not be empty");
	else if (len > field->max)
		validate_error(f, at, "is longer than %zu bytes", field->max);
	else if (len > 0 &&
		 !validate_is_id(json_string_value(v), len, field->max))
		validate_error(f, at,
		    "must not have control characters or a space at its end");
	else
		return true;
	return false;
}

static bool
check_text(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	if (!json_is_string(v))
		validate_error(f, at, "must be a text");
	else if (field->kind != VALIDATE_TEXT)
		return check_id(f, at, field, v);
	else if (field->max > 0 &&
		 validate_length(json_string_value(v)) > field->max)
		validate_error(
		    f, at, "is longer than %zu characters", field->max);
	else
		return true;
	return false;
}

static bool
check_word(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	const char *s = json_string_value(v);
	struct buf words = BUF_INIT;
	size_t i;

	for (i = 0; field->words[i] != NULL; i++) {
		if (s != NULL && strcmp(field->words[i], s) == 0)
			break;
		buf_addf(&words, "%s%s", i > 0 ? ", " : "", field->words[i]);
	}
	if (field->words[i] == NULL)
		validate_error(f, at, "must be one of %s", buf_str(&words));
	buf_release(&words);
	return field->words[i] != NULL;
}

/* Accepts a decimal number as text, possibly surrounded by spaces. */
static bool
text_number(const char *s, double *d)
{
	size_t len;
	char *end;

	s += strspn(s, " \t\r\n");
	len = strspn(s, "+-.0123456789eE");
	if (len == 0 || s[len + strspn(s + len, " \t\r\n")] != '\0')
		return false;
	*d = strtod(s, &end);
	return end == s + len && isfinite(*d);
}

static bool
check_number(
    struct validate_errors *f, const struct validate_place *at, json_t *v)
{
	bool is_text = json_is_string(v);
	double d;

	if ((is_text && !text_number(json_string_value(v), &d)) ||
	    (!is_text && !json_is_number(v) && !json_is_boolean(v)))
		validate_error(f, at, "must be a number");
	else if (fabs(validate_number(v)) > COLUMN_REAL_MAX)
		validate_error(f, at, "must be from -1e15 to 1e15");
	else
		return true;
	return false;
}

double
validate_number(const json_t *v)
{
	double d = 0;

	if (json_is_string(v))
		(void)text_number(json_string_value(v), &d);
	else if (json_is_boolean(v))
		d = json_is_true(v);
	else
		d = json_number_value(v);
	return d;
}

static bool
check_list(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v))
		validate_error(f, at, "must be a list");
	else if (field->max > 0 && n > field->max)
		validate_error(
		    f, at, "has %zu items; %zu are allowed", n, field->max);
	else
		return true;
	return false;
}

static bool
check_field(struct validate_errors *f, const struct validate_place *at,
    const struct validate_field *field, json_t *v)
{
	switch (field->kind) {
	case VALIDATE_ID:
	case VALIDATE_NAME:
	case VALIDATE_TEXT:
		return check_text(f, at, field, v);
	case VALIDATE_WORD:
		return check_word(f, at, field, v);
	case VALIDATE_NUMBER:
		return check_number(f, at, v);
	case VALIDATE_LIST:
		return check_list(f, at, field, v);
	case VALIDATE_OBJECT:
		if (json_is_object(v))
			return true;
		validate_error(f, at, "must be an object");
	}
	return false;
}

void
validate_object(struct validate_errors *f, const struct validate_place *at,
    const struct validate_model *m, json_t *v, json_t **values)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		values[i] = NULL;
	if (!json_is_object(v)) {
		validate_error(f, at, "must be an object");
		return;
	}
	for (i = 0; i < m->n; i++) {
		const struct validate_field *field = &m->fields[i];
		struct validate_place here = { at, field->name, 0 };
		json_t *value = json_object_get(v, field->name);

		if (value == NULL && field->need == VALIDATE_REQUIRED)
			validate_error(f, &here, "is missing");
		if (value == NULL ||
		    (json_is_null(value) && field->need == VALIDATE_OPTIONAL))
			continue;
		if (check_field(f, &here, field, value))
			values[i] = value;
	}
}

/* ---- a request with records ---- */

const struct validate_place collect_body = { NULL, "body", 0 };
static const struct validate_place in_query = { NULL, "query", 0 };
static const struct validate_place in_header = { NULL, "header", 0 };

/* Bad JSON is reported as the only error. False if the answer is made. */
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

/* As in the original service, a body of another content type counts as text. */
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
	const char *name = web_last_parameter(c->r, "tenant_id", NULL);

	if (c->sender.by_token)
		return;
	if (name == NULL) {
		validate_error(&c->errors, &at, "is missing");
	} else if (!parse_is_name(name, RECORD_MAX_TENANT)) {
		validate_error(&c->errors, &at,
		    "must be 1 to %d letters, digits and _.-, beginning with a "
		    "letter, a digit or _",
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

/* Answers that the key belongs to another request. */
static void
answer_key_conflict(struct collect *c)
{
	struct validate_place at = { &in_header, "idempotency-key", 0 };

	validate_error(&c->errors, &at, "belongs to another request");
	validate_answer(&c->errors, c->a);
}

bool
collect_once(
    struct collect *c, const char *kind, collect_write *write, void *ctx)
{
	enum idempotency_verdict v = IDEMPOTENCY_NEW;

	c->first.at = c->r->now_ms;
	c->first.sum = checksum(0, c->r->body, c->r->len);
	if (!write(c, ctx))
		return true;
	if (c->key != NULL)
		v = idempotency_first(c->in->keys, c->sender.tenant, kind,
		    c->key, &c->first, &c->a->note);
	if (v == IDEMPOTENCY_NEW)
		return true;
	route_clear_answer(c->a);
	if (v == IDEMPOTENCY_AGAIN)
		(void)write(c, ctx);
	return v == IDEMPOTENCY_AGAIN;
}

void
collect_finish(
    struct collect *c, const char *kind, collect_write *write, void *ctx)
{
	if (c->errors.n > 0)
		validate_answer(&c->errors, c->a);
	else if (!collect_once(c, kind, write, ctx))
		answer_key_conflict(c);
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
