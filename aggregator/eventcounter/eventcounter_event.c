/*
 * eventcounter_event: see eventcounter_event.h.
 */
#include "aggregator/eventcounter/eventcounter_event.h"

#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"

const char *const event_type_names[EVENT_TYPES] = { "created", "updated",
	"deleted" };

static bool
is_event_type(struct text type)
{
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++)
		if (text_is(type, event_type_names[i]))
			return true;
	return false;
}

/* A user has the form of a record's id, because rows carry it. */
static const char *
user_error(const char *user, size_t len)
{
	return len > RECORD_MAX_ID ? "is too long" : record_id_error(user, len);
}

static int
parse_key(struct record *r, const char *key, size_t len, struct buf *why)
{
	static const char middle[] = ".event.";
	const size_t n = sizeof middle - 1;
	const char *dot = memchr(key, '.', len), *end = key + len, *type,
		   *error;

	if (!parse_is_utf8(key, len) || memchr(key, '\0', len) != NULL) {
		buf_setf(why, "the routing key is not text");
		return -1;
	}
	if (dot == NULL || dot == key || (size_t)(end - dot) < n ||
	    memcmp(dot, middle, n) != 0 ||
	    memchr(dot + n, '.', (size_t)(end - dot) - n) != NULL) {
		buf_setf(why, "the routing key '%.*s' is not USER.event.TYPE",
		    (int)len, key);
		return -1;
	}
	type = dot + n;
	r->user = (struct text){ key, (size_t)(dot - key) };
	error = user_error(r->user.p, r->user.len);
	if (error != NULL) {
		buf_setf(why, "the user of the routing key %s", error);
		return -1;
	}
	r->event = (struct text){ type, (size_t)(end - type) };
	if (is_event_type(r->event))
		return 0;
	buf_setf(why,
	    "'%.*s' is not an event type; event types: created, updated, "
	    "deleted",
	    (int)(end - type), type);
	return -1;
}

static int
parse_body(struct record *r, struct flat *f, const char *body, size_t len,
    struct buf *why)
{
	const struct flat_field *id;
	const char *error;

	if (flat_parse(f, body, len, why) == -1)
		return -1;
	id = flat_find(f, "id");
	if (id != NULL && id->kind != FLAT_NULL && id->kind != FLAT_STRING) {
		buf_setf(why, "the id is not a string");
		return -1;
	}
	if (id == NULL || id->kind == FLAT_NULL || id->val_len == 0) {
		buf_setf(why, "the body has no id");
		return -1;
	}
	error = record_id_field_error(id);
	if (error != NULL) {
		buf_setf(why, "the id %s", error);
		return -1;
	}
	r->id = (struct text){ id->val, id->val_len };
	return 0;
}

int
event_parse(struct record *r, struct flat *f, const char *key, size_t key_len,
    const char *body, size_t body_len, struct buf *why)
{
	if (parse_key(r, key, key_len, why) == -1)
		return -1;
	return parse_body(r, f, body, body_len, why);
}
