/*
 * eventcounter_event: see eventcounter_event.h.
 */
#include "aggregator/eventcounter/eventcounter_event.h"

#include <string.h>

#include "common/base/parse.h"
#include "common/records/record.h"

int
event_type_parse(const char *p, size_t len, enum event_type *type)
{
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++) {
		if (len == strlen(event_type_names[i]) &&
		    memcmp(p, event_type_names[i], len) == 0) {
			*type = (enum event_type)i;
			return 0;
		}
	}
	return -1;
}

/* A user has the form of a record's id, because rows carry it. */
static const char *
user_error(const char *user, size_t len)
{
	return len > RECORD_MAX_ID ? "is too long" : record_id_error(user, len);
}

static int
parse_key(struct user_event *e, const char *key, size_t len, struct buf *why)
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
	e->user = key;
	e->user_len = (size_t)(dot - key);
	error = user_error(e->user, e->user_len);
	if (error != NULL) {
		buf_setf(why, "the user of the routing key %s", error);
		return -1;
	}
	if (event_type_parse(type, (size_t)(end - type), &e->type) == 0)
		return 0;
	buf_setf(why,
	    "'%.*s' is not a type of event; there are created, updated and "
	    "deleted",
	    (int)(end - type), type);
	return -1;
}

static int
parse_body(struct user_event *e, struct flat *f, const char *body, size_t len,
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
	e->id = id->val;
	e->id_len = id->val_len;
	return 0;
}

int
event_parse(struct user_event *e, struct flat *f, const char *key,
    size_t key_len, const char *body, size_t body_len, struct buf *why)
{
	if (parse_key(e, key, key_len, why) == -1)
		return -1;
	return parse_body(e, f, body, body_len, why);
}
