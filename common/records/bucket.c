/*
 * bucket: see bucket.h.
 */
#include "common/records/bucket.h"

#include <stdint.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"

/* FNV-1a with 64 bits. */
static uint64_t
fnv_add(uint64_t h, const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
	return h;
}

unsigned
bucket_of(const char *tenant, size_t tenant_len, const char *key, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	h = fnv_add(h, tenant, tenant_len);
	h = fnv_add(h, "", 1);
	h = fnv_add(h, key, len);
	return (unsigned)((h ^ h >> 32) % BUCKETS);
}

/* The key fields of each type. The first field that a record has is used,
 * otherwise its tenant alone. Types that are not listed are BUCKET_ALL. */
#define KEYS 3

static const struct bucket_type {
	const char *type;
	const char *key[KEYS];
} types[] = {
	{ "message", { "chat" } },
	{ "view", { "chat", "message" } },
	{ "event", { "chat", "user", "id" } },
	{ "chat", { "chat" } },
	{ "assignment", { "chat" } },
	{ "row", { "chat" } },
};

/* Returns NULL if records of this type go to all buckets. */
static const struct bucket_type *
find_type(struct text name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++)
		if (text_is(name, types[i].type))
			return &types[i];
	return NULL;
}

/* Returns the field if it is an id: a string, or a number in digits. */
static const struct flat_field *
find_id_field(const struct flat *f, const char *name)
{
	const struct flat_field *field =
	    name != NULL ? flat_find(f, name) : NULL;

	return field != NULL && (field->kind == FLAT_STRING ||
				    field->kind == FLAT_NUMBER)
		   ? field
		   : NULL;
}

/* Returns the bucket of a marker: the part that it begins or ends. */
static unsigned
marked(const struct flat *f)
{
	const struct flat_field *b = flat_find(f, "bucket");
	char digits[3] = "";
	int64_t n;

	if (b == NULL || b->kind != FLAT_NUMBER || b->val_len >= sizeof digits)
		return BUCKET_ALL;
	memcpy(digits, b->val, b->val_len);
	return parse_int(digits, 0, BUCKET_ALL, &n) == 0 ? (unsigned)n
							 : BUCKET_ALL;
}

unsigned
bucket_of_line(struct flat *f, const char *line, size_t len)
{
	const struct flat_field *type, *tenant, *key = NULL;
	const struct bucket_type *t;
	struct text name;
	size_t i;

	if (flat_parse(f, line, len, NULL) == -1)
		return bucket_of("", 0, "", 0);
	type = flat_find(f, "type");
	tenant = find_id_field(f, "tenant");
	if (type == NULL || tenant == NULL)
		return bucket_of("", 0, "", 0);
	if (type->kind != FLAT_STRING)
		return BUCKET_ALL;
	name = (struct text){ type->val, type->val_len };
	if (text_is(name, "snapshot"))
		return marked(f);
	t = find_type(name);
	if (t == NULL)
		return BUCKET_ALL;
	for (i = 0; i < KEYS && key == NULL; i++)
		key = find_id_field(f, t->key[i]);
	return bucket_of(tenant->val, tenant->val_len,
	    key != NULL ? key->val : "", key != NULL ? key->val_len : 0);
}
