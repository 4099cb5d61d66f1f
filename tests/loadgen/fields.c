/* fields: see fields.h. */
#include "tests/loadgen/fields.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Values that a reader of records must skip. */
static const struct {
	const char *key, *value;
} unknown[] = {
	{ "x_number", "-1.5e3" },
	{ "x_flag", "false" },
	{ "x_none", "null" },
	{ "x_text", "\"a \\\"quoted\\\" word\"" },
	{ "x_list", "[\"id\",{\"id\":\"z\"}]" },
	{ "x_deep", "{\"id\":\"no\",\"at\":[1,2],\"deep\":{\"chat\":\"no\"}}" },
	{ "x_int", "17" },
};

size_t
piece_key(const struct style *s, const char *key, char *to)
{
	return (size_t)snprintf(
	    to, 64, "\"%s\"%s", key, s->spaces ? ": " : ":");
}

struct text
piece_new(struct style *s, const char *key, const char *value)
{
	char text[LINE_MAX_BYTES];
	size_t len = piece_key(s, key, text);

	len += (size_t)snprintf(text + len, sizeof text - len, "%s", value);
	return (struct text){ arena_copy(&s->arena, text, len), len };
}

struct text
piece_string(struct style *s, const char *key, const char *text)
{
	char value[512];

	snprintf(value, sizeof value, "\"%s\"", text);
	return piece_new(s, key, value);
}

static void
shuffle(struct style *s, struct fields *f)
{
	struct text t;
	size_t i, k;

	for (i = f->n; i > 1; i--) {
		k = dice_below(&s->dice, (uint32_t)i);
		t = f->f[i - 1];
		f->f[i - 1] = f->f[k];
		f->f[k] = t;
	}
}

/* Adds one to three different unknown fields anywhere except in front. */
static void
add_unknown(struct style *s, struct fields *f)
{
	size_t i = dice_below(&s->dice, ARRAY_LEN(unknown)), k;
	size_t n = 1 + dice_below(&s->dice, 3);

	for (; n > 0 && f->n < FIELDS_MAX; n--) {
		i = (i + 1) % ARRAY_LEN(unknown);
		k = 1 + dice_below(&s->dice, (uint32_t)f->n);
		memmove(&f->f[k + 1], &f->f[k], (f->n - k) * sizeof f->f[0]);
		f->f[k] = piece_new(s, unknown[i].key, unknown[i].value);
		f->n++;
	}
}

size_t
fields_join(struct style *s, struct fields *f, char *to)
{
	struct arena_mark mark = arena_mark(&s->arena);
	char *p = to;
	size_t i;

	if (s->extra)
		add_unknown(s, f);
	if (s->shuffle)
		shuffle(s, f);
	*p++ = '{';
	for (i = 0; i < f->n; i++) {
		memcpy(p, f->f[i].p, f->f[i].len);
		p += f->f[i].len;
		*p++ = ',';
		*p = ' ';
		p += s->spaces;
	}
	p -= 1 + s->spaces;
	*p++ = '}';
	if (s->extra)
		arena_back(&s->arena, mark);
	return (size_t)(p - to);
}
