/*
 * jansson: a reader of records that uses the usual library: a tree of
 * allocations for each record, then the figures.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tests/bench/peers/figures.h"

static const char *const keys[PEER_FIELDS] = { "type", "tenant", "chat", "id",
	"at", "from", "user", "operator", "kind", "opened_at" };

static void
take(const json_t *o)
{
	struct peer_record r = { .quiet = false };
	const json_t *v;
	int i;

	for (i = 0; i < PEER_FIELDS; i++) {
		v = json_object_get(o, keys[i]);
		if (json_is_string(v))
			r.f[i] = (struct peer_text){ json_string_value(v),
				json_string_length(v) };
	}
	r.quiet = json_is_true(json_object_get(o, "private")) ||
		  json_is_true(json_object_get(o, "automated"));
	peer_take(&r);
}

static void
each(char *block, size_t len)
{
	char *end = block + len, *p, *q;
	json_error_t error;
	json_t *o;

	for (p = block; p < end; p = q + 1) {
		q = memchr(p, '\n', (size_t)(end - p));
		if (q == NULL)
			q = end;
		o = json_loadb(p, (size_t)(q - p), 0, &error);
		if (o == NULL) {
			fprintf(stderr, "jansson: %s\n", error.text);
			_Exit(65);
		}
		take(o);
		json_decref(o);
	}
}

int
main(void)
{
	peer_blocks(each);
	peer_print();
	return fflush(stdout) == 0 ? 0 : 74;
}
