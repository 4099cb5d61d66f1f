/*
 * bucket: see bucket.h.
 */
#include "common/bucket.h"

#include <stdint.h>
#include <string.h>

#include "common/fnv.h"
#include "common/xalloc.h"

unsigned
bucket_of(const char *tenant, size_t tenant_len, const char *key, size_t len)
{
	uint64_t h = FNV_START;

	h = fnv_add(h, tenant, tenant_len);
	h = fnv_add(h, "", 1);
	h = fnv_add(h, key, len);
	return (unsigned)((h ^ h >> 32) % BUCKETS);
}

/* What a type is spread by, the first of them that a record has; NULL, NULL:
 * by its tenant. Types that are not listed concern all. */
static const struct {
	const char *type, *key[2];
} types[] = {
	{ "message", { "chat", NULL } },
	{ "view", { "chat", "message" } },
	{ "event", { "chat", "user" } },
	{ "chat", { "chat", NULL } },
	{ "assignment", { "chat", NULL } },
	{ "row", { "chat", NULL } },
};

static bool
is_text(const struct flat_field *f, const char *text)
{
	return f->kind == FLAT_STRING && f->val_len == strlen(text) &&
	       memcmp(f->val, text, f->val_len) == 0;
}

/* A number counts as its digits, as an id does everywhere. */
static const struct flat_field *
find_key(const struct flat *f, const char *name)
{
	const struct flat_field *field =
	    name != NULL ? flat_find(f, name) : NULL;

	return field != NULL && (field->kind == FLAT_STRING ||
				    field->kind == FLAT_NUMBER)
		   ? field
		   : NULL;
}

unsigned
bucket_of_line(struct flat *f, const char *line, size_t len)
{
	const struct flat_field *type, *tenant, *key = NULL;
	size_t i, j;

	if (flat_parse(f, line, len, NULL) == -1)
		return bucket_of("", 0, "", 0);
	type = flat_find(f, "type");
	tenant = flat_find(f, "tenant");
	if (type == NULL || tenant == NULL || tenant->kind != FLAT_STRING)
		return bucket_of("", 0, "", 0);
	for (i = 0; i < ARRAY_LEN(types); i++)
		if (is_text(type, types[i].type))
			break;
	if (i == ARRAY_LEN(types))
		return BUCKET_ALL;
	for (j = 0; j < ARRAY_LEN(types[i].key) && key == NULL; j++)
		key = find_key(f, types[i].key[j]);
	return bucket_of(tenant->val, tenant->val_len,
	    key != NULL ? key->val : "", key != NULL ? key->val_len : 0);
}
