/*
 * by_hand: see by_hand.h.
 */
#include "sink/api/by_hand.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/hex.h"
#include "sink/api/resource.h"

#define PARAMETERS_MAX 64

/* A target taken apart in place. */
struct target {
	char *text;
	const char *names[PARAMETERS_MAX], *values[PARAMETERS_MAX];
	size_t n;
};

static const char *
no_header(const struct web_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

static const char *
find_parameter(const struct web_request *r, const char *name)
{
	const struct target *t = r->private;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (strcmp(t->names[i], name) == 0)
			return t->values[i];
	}
	return NULL;
}

/* Decodes a name or a value of a query in place. */
static void
decode_query(char *p)
{
	char *to = p;

	for (; *p != '\0'; p++) {
		if (*p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			*to++ = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
			p += 2;
		} else {
			*to++ = *p == '+' ? ' ' : *p;
		}
	}
	*to = '\0';
}

static void
split_target(struct target *t, const char *target)
{
	char *p, *next, *value;

	t->text = xstrdup(target);
	p = strchr(t->text, '?');
	if (p == NULL)
		return;
	for (*p++ = '\0'; p != NULL && t->n < PARAMETERS_MAX; p = next) {
		next = strchr(p, '&');
		if (next != NULL)
			*next++ = '\0';
		value = strchr(p, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		decode_query(p);
		decode_query(value);
		t->names[t->n] = p;
		t->values[t->n++] = value;
	}
}

void
by_hand_get(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    const char *target, struct web_answer *a)
{
	struct target t = { .n = 0 };
	struct web_request r;

	split_target(&t, target);
	r = (struct web_request){ .method = WEB_GET,
		.path = t.text,
		.body = "",
		.peer = "::1",
		.now_ms = clock_now_ms(),
		.header = no_header,
		.query = find_parameter,
		.private = &t };
	a->status = 200;
	resource_answer(viewer, db, timeout_ms, &r, a);
	free(t.text);
}
