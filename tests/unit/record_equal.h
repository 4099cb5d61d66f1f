/*
 * record_equal: compares two records, byte by byte for texts. It is made from
 * the table of fields, so it cannot miss a field.
 */
#ifndef TESTS_RECORD_EQUAL_H
#define TESTS_RECORD_EQUAL_H

#include <string.h>

#include "common/records/record.h"

static inline bool
text_equal(struct text a, struct text b)
{
	if (a.p == NULL || b.p == NULL)
		return a.p == b.p;
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static inline bool
field_equal(const struct record_field *f, const struct record *a,
    const struct record *b)
{
	const void *x = (const char *)a + f->offset;
	const void *y = (const char *)b + f->offset;

	switch (f->kind) {
	case FIELD_TENANT:
	case FIELD_ID:
	case FIELD_TEXT:
	case FIELD_JSON:
		return text_equal(
		    *(const struct text *)x, *(const struct text *)y);
	case FIELD_TIME:
	case FIELD_COUNT:
		return *(const int64_t *)x == *(const int64_t *)y;
	case FIELD_FLAG:
		return *(const bool *)x == *(const bool *)y;
	case FIELD_STATE:
		return a->state == b->state;
	case FIELD_STATUS:
		return a->status == b->status;
	case FIELD_FROM:
		return a->from == b->from;
	}
	return false;
}

/* Returns NULL if they are equal, else the name of a field in which they
 * differ. */
static inline const char *
record_difference(const struct record *a, const struct record *b)
{
	size_t i;

	if (a->type != b->type || !text_equal(a->type_name, b->type_name))
		return "type";
	if (a->has_available != b->has_available)
		return "has_available";
	for (i = 0; i < record_fields_n; i++)
		if (!field_equal(&record_fields[i], a, b))
			return record_fields[i].name;
	return NULL;
}

#endif
