/*
 * webhook_values: see webhook_values.h.
 */
#include "reaper/rights/webhook_values.h"

#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/text/json_text.h"

struct text_piece {
	const char *p;
	size_t len;
};

/* A string at t->p, without its quotes. False: it has no end. */
static bool
take_json_string(struct flat *f, struct json_text *t, struct text_piece *s)
{
	const char *begin = t->p + 1;

	if (!json_text_string(t))
		return false;
	*s = (struct text_piece){ begin, (size_t)(t->p - begin) - 1 };
	if (memchr(s->p, '\\', s->len) != NULL)
		s->p = flat_unescape(f, s->p, &s->len);
	return true;
}

static struct text_piece
take_json_number(struct json_text *t)
{
	struct text_piece n = { t->p, 0 };

	while (strchr("-+.eE0123456789", json_text_peek(t)) != NULL &&
	       json_text_peek(t) != '\0')
		t->p++;
	n.len = (size_t)(t->p - n.p);
	return n;
}

static bool
names_an_id(const struct text_piece *name)
{
	return name->len >= 2 &&
	       strncasecmp(name->p + name->len - 2, "id", 2) == 0;
}

bool
webhook_values_any(struct flat *f, const char *json, size_t len,
    webhook_value_fn *is_theirs, const void *ctx)
{
	struct json_text t = { .p = json, .end = json + len };
	struct text_piece name = { "", 0 }, value;
	char c;

	while ((c = json_text_peek(&t)) != '\0') {
		if (c == '"') {
			if (!take_json_string(f, &t, &value))
				return false;
			json_text_blanks(&t);
			if (json_text_peek(&t) == ':')
				name = value;
			else if (is_theirs(ctx, value.p, value.len))
				return true;
		} else if (c == '-' || text_is_digit(c)) {
			value = take_json_number(&t);
			if (names_an_id(&name) &&
			    is_theirs(ctx, value.p, value.len))
				return true;
		} else {
			t.p++;
		}
	}
	return false;
}
