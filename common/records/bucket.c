/*
 * bucket: see bucket.h.
 */
#include "common/records/bucket.h"

#include <stdint.h>
#include <string.h>

#include "common/base/parse.h"
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
static const struct {
	const char *type, *key[3];
} types[] = {
	{ "message", { "chat" } },
	{ "view", { "chat", "message" } },
	{ "event", { "chat", "user", "id" } },
	{ "chat", { "chat" } },
	{ "assignment", { "chat" } },
	{ "row", { "chat" } },
};

static bool
is_string_field(const struct flat_field *f, const char *text)
{
	return f->kind == FLAT_STRING && f->val_len == strlen(text) &&
	       memcmp(f->val, text, f->val_len) == 0;
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
bucket_of_flat(const struct flat *f)
{
	const struct flat_field *type, *tenant, *key = NULL;
	size_t i, j;

	type = flat_find(f, "type");
	tenant = find_id_field(f, "tenant");
	if (type == NULL || tenant == NULL)
		return bucket_of("", 0, "", 0);
	if (is_string_field(type, "snapshot"))
		return marked(f);
	for (i = 0; i < ARRAY_LEN(types); i++)
		if (is_string_field(type, types[i].type))
			break;
	if (i == ARRAY_LEN(types))
		return BUCKET_ALL;
	for (j = 0; j < ARRAY_LEN(types[i].key) && key == NULL; j++)
		key = find_id_field(f, types[i].key[j]);
	return bucket_of(tenant->val, tenant->val_len,
	    key != NULL ? key->val : "", key != NULL ? key->val_len : 0);
}

unsigned
bucket_of_line(struct flat *f, const char *line, size_t len)
{
	if (flat_parse(f, line, len, NULL) == -1)
		return bucket_of("", 0, "", 0);
	return bucket_of_flat(f);
}

/* Returns a record's key field with that name. */
static struct text
key_of(const struct record *r, const char *name)
{
	static const struct {
		const char *name;
		size_t offset;
	} keys[] = {
		{ "chat", offsetof(struct record, chat) },
		{ "user", offsetof(struct record, user) },
		{ "message", offsetof(struct record, message) },
		{ "id", offsetof(struct record, id) },
	};
	struct text none = { NULL, 0 };
	size_t i;

	for (i = 0; name != NULL && i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return *(
			    const struct text *)(const void *)((const char *)r +
							       keys[i].offset);
	return none;
}

unsigned
bucket_of_record(const struct record *r)
{
	struct text key = { NULL, 0 };
	size_t i, j;

	/* These contain all fields, including those that struct record
	 * lacks. */
	if (r->type == RECORD_SNAPSHOT || r->type == RECORD_ROW ||
	    r->type == RECORD_UNKNOWN)
		return bucket_of_flat(r->flat);
	for (i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].type, record_types[r->type]) == 0)
			break;
	if (i == ARRAY_LEN(types))
		return BUCKET_ALL;
	for (j = 0; j < ARRAY_LEN(types[i].key) && key.p == NULL; j++)
		key = key_of(r, types[i].key[j]);
	return bucket_of(
	    r->tenant.p, r->tenant.len, key.p != NULL ? key.p : "", key.len);
}
