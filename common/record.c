/*
 * record: a parsed line becomes a struct record; see record.h. What a field
 * is and who must have it stands in record_types.c alone.
 */
#include "common/record.h"

#include <string.h>

#include "common/parse.h"
#include "common/xalloc.h"

#define INDEX_SLOTS 256

static const char *const status_names[] = {
	[CHAT_NONE] = "",
	[CHAT_OPEN] = "open",
	[CHAT_PENDING] = "pending",
	[CHAT_SNOOZED] = "snoozed",
	[CHAT_CLOSED] = "closed",
	[CHAT_GONE] = "gone",
};

static const char *const from_names[] = {
	[FROM_NONE] = "",
	[FROM_CUSTOMER] = "customer",
	[FROM_OPERATOR] = "operator",
	[FROM_BOT] = "bot",
	[FROM_SYSTEM] = "system",
};

static const char *const state_names[] = {
	[SNAPSHOT_NONE] = "",
	[SNAPSHOT_BEGIN] = "begin",
	[SNAPSHOT_END] = "end",
};

const char *
record_status_name(enum chat_status s)
{
	return status_names[s];
}

const char *
record_from_name(enum message_from f)
{
	return from_names[f];
}

bool
text_is(struct text t, const char *s)
{
	return t.p != NULL && t.len == strlen(s) && memcmp(t.p, s, t.len) == 0;
}

char *
text_dup(struct text t)
{
	return t.p != NULL ? xstrndup(t.p, t.len) : NULL;
}

static size_t
hash_name(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	return (u[0] * 31u + u[len - 1] * 7u + u[len / 2] * 3u + len) %
	       INDEX_SLOTS;
}

/* The row of the table with that name, through an index built once. */
static const struct record_field *
find_field(const char *name, size_t len)
{
	static unsigned char slots[INDEX_SLOTS]; /* row + 1 */
	static bool built;
	size_t i, h;

	if (!built) {
		for (i = 0; i < record_fields_n; i++) {
			h = hash_name(record_fields[i].name,
			    strlen(record_fields[i].name));
			while (slots[h] != 0)
				h = (h + 1) % INDEX_SLOTS;
			slots[h] = (unsigned char)(i + 1);
		}
		built = true;
	}
	if (len == 0)
		return NULL;
	for (h = hash_name(name, len); slots[h] != 0;
	     h = (h + 1) % INDEX_SLOTS) {
		const struct record_field *f = &record_fields[slots[h] - 1];

		if (strncmp(f->name, name, len) == 0 && f->name[len] == '\0')
			return f;
	}
	return NULL;
}

/* The index of the value among names, or -1. */
static int
one_of(const struct flat_field *v, const char *const *names, size_t n)
{
	size_t i;

	if (v->kind != FLAT_STRING || v->val_len == 0)
		return -1;
	for (i = 1; i < n; i++)
		if (strncmp(names[i], v->val, v->val_len) == 0 &&
		    names[i][v->val_len] == '\0')
			return (int)i;
	return -1;
}

static bool
is_integer(const struct flat_field *v)
{
	return v->kind == FLAT_NUMBER &&
	       memchr(v->val, '.', v->val_len) == NULL &&
	       memchr(v->val, 'e', v->val_len) == NULL;
}

static const char *
read_id(const struct flat_field *v, struct text *to)
{
	if (v->kind != FLAT_STRING && !is_integer(v))
		return "must be a string";
	if (v->val_len == 0)
		return "is empty";
	if (v->val_len > RECORD_MAX_ID)
		return "is too long";
	to->p = v->val;
	to->len = v->val_len;
	return NULL;
}

/* What a section of the configuration can be called, and nothing else: it is
 * the name of files and of rows. */
static const char *
read_tenant(const struct flat_field *v, struct text *to)
{
	if ((v->kind != FLAT_STRING && !is_integer(v)) ||
	    !parse_is_name_n(v->val, v->val_len, RECORD_MAX_TENANT))
		return "must be the name of a [crm NAME] section: up to 64 "
		       "letters, digits, '_', '.', '-', the first no '.' "
		       "or '-'";
	to->p = v->val;
	to->len = v->val_len;
	return NULL;
}

static const char *
read_count(const struct flat_field *v, int64_t *to)
{
	char digits[24];

	if (!is_integer(v) || v->val_len >= sizeof digits)
		return "must be a whole number";
	memcpy(digits, v->val, v->val_len);
	digits[v->val_len] = '\0';
	if (parse_int(digits, 0, INT64_MAX, to) == -1)
		return "must be a whole number, not below 0";
	return NULL;
}

static const char *
read_time(const struct flat_field *v, int64_t *to)
{
	if (v->kind != FLAT_STRING || clock_parse(v->val, v->val_len, to) == -1)
		return "must be a time like 2026-11-20T10:00:00.123Z";
	return NULL;
}

static const char *
read_flag(const struct record_field *f, const struct flat_field *v,
    struct record *r, bool *to)
{
	if (v->kind != FLAT_TRUE && v->kind != FLAT_FALSE)
		return "must be true or false";
	*to = v->kind == FLAT_TRUE;
	if (f->offset == offsetof(struct record, available))
		r->has_available = true;
	return NULL;
}

static const char *
read_text(const struct flat_field *v, struct text *to)
{
	if (v->kind != FLAT_STRING)
		return "must be a string";
	to->p = v->val;
	to->len = v->val_len;
	return NULL;
}

/* Stores the value into its member; NULL, or what is wrong with it. */
static const char *
read_field(
    const struct record_field *f, const struct flat_field *v, struct record *r)
{
	void *to = (char *)r + f->offset;
	struct text json = { v->val, v->val_len };
	int i;

	switch (f->kind) {
	case FIELD_TENANT:
		return read_tenant(v, to);
	case FIELD_ID:
		return read_id(v, to);
	case FIELD_TEXT:
		return read_text(v, to);
	case FIELD_TIME:
		return read_time(v, to);
	case FIELD_COUNT:
		return read_count(v, to);
	case FIELD_FLAG:
		return read_flag(f, v, r, to);
	case FIELD_STATE:
		i = one_of(v, state_names, ARRAY_LEN(state_names));
		r->state = i < 0 ? SNAPSHOT_NONE : (enum snapshot_state)i;
		return i < 0 ? "must be begin or end" : NULL;
	case FIELD_STATUS:
		i = one_of(v, status_names, ARRAY_LEN(status_names));
		r->status = i < 0 ? CHAT_NONE : (enum chat_status)i;
		return i < 0 ? "must be open, pending, snoozed, closed or gone"
			     : NULL;
	case FIELD_FROM:
		i = one_of(v, from_names, ARRAY_LEN(from_names));
		r->from = i < 0 ? FROM_NONE : (enum message_from)i;
		return i < 0 ? "must be customer, operator, bot or system"
			     : NULL;
	case FIELD_JSON:
		if (v->kind != FLAT_JSON)
			return "must be an object or a list";
		*(struct text *)to = json;
		return NULL;
	}
	return NULL;
}

static void
clear(struct record *r)
{
	memset(r, 0, sizeof *r);
	r->at = CLOCK_NONE;
	r->opened_at = CLOCK_NONE;
	r->closed_at = CLOCK_NONE;
	r->updated_at = CLOCK_NONE;
	r->expires = CLOCK_NONE;
	r->as_of = CLOCK_NONE;
	r->records = RECORD_NO_NUMBER;
	r->max_chats = RECORD_NO_NUMBER;
	r->reported_open_chats = RECORD_NO_NUMBER;
}

static int
find_type(struct record *r, const struct flat *f, struct buf *why)
{
	const struct flat_field *type = flat_find(f, "type");
	size_t i;

	if (type == NULL || type->kind != FLAT_STRING || type->val_len == 0) {
		buf_setf(why, "no type: field 'type' is missing");
		return -1;
	}
	r->type_name.p = type->val;
	r->type_name.len = type->val_len;
	for (i = 1; i < RECORD_TYPES; i++)
		if (text_is(r->type_name, record_types[i].name))
			r->type = (enum record_type)i;
	return 0;
}

/* What must be there and is not: the first such field, or NULL. Bit i of seen
 * stands for row i of the table. */
static const char *
missing_field(const struct record *r, uint64_t seen)
{
	size_t i;

	for (i = 0; i < record_fields_n; i++)
		if ((record_fields[i].required & 1u << r->type) != 0 &&
		    (seen >> i & 1) == 0)
			return record_fields[i].name;
	if (r->type != RECORD_SNAPSHOT)
		return NULL;
	if (r->state == SNAPSHOT_BEGIN && r->at == CLOCK_NONE)
		return "at";
	if (r->state == SNAPSHOT_END && r->records == RECORD_NO_NUMBER)
		return "records";
	return NULL;
}

/* Reads every field the type may have. From the end, because of a key that
 * stands twice the last counts. */
static int
read_fields(struct record *r, uint64_t *seen, struct buf *why)
{
	uint64_t done = 0;
	size_t i;

	for (i = r->flat->n; i-- > 0;) {
		const struct flat_field *v = &r->flat->field[i];
		const struct record_field *field =
		    find_field(v->key, v->key_len);
		const char *wrong;
		uint64_t bit;

		if (field == NULL || (field->in & 1u << r->type) == 0)
			continue;
		bit = UINT64_C(1) << (field - record_fields);
		if ((done & bit) != 0)
			continue;
		done |= bit;
		if (v->kind == FLAT_NULL)
			continue;
		wrong = read_field(field, v, r);
		if (wrong != NULL) {
			buf_setf(why, "field '%s' %s", field->name, wrong);
			return -1;
		}
		*seen |= bit;
	}
	return 0;
}

int
record_parse(struct record *r, struct flat *f, const char *line, size_t len,
    struct buf *why)
{
	const char *missing;
	uint64_t seen = 0;

	clear(r);
	r->flat = f;
	if (flat_parse(f, line, len, why) == -1 || find_type(r, f, why) == -1)
		return -1;
	if (r->type == RECORD_UNKNOWN)
		return 0;
	if (read_fields(r, &seen, why) == -1)
		return -1;
	missing = missing_field(r, seen);
	if (missing != NULL) {
		buf_setf(why, "field '%s' is missing in a %s record", missing,
		    record_types[r->type].name);
		return -1;
	}
	return 0;
}
