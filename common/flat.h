/*
 * flat: reads one record, that is a JSON object of scalars, in place.
 *
 * The usual line (no escapes in it, no nested values but `data`) is walked
 * once, nothing is allocated and every value is a pointer into the line.
 * Whatever is unusual (an escape, a nested value, a key twice, odd blanks, a
 * large number) is handed to jansson, and its values are copied into a
 * scratch buffer; so the answer is jansson's in every case, only sooner.
 * Every byte is checked to be UTF-8.
 *
 * Limits: FLAT_MAX_FIELDS fields, more is an error that says so.
 */
#ifndef COMMON_FLAT_H
#define COMMON_FLAT_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define FLAT_MAX_FIELDS 64

enum flat_kind {
	FLAT_NULL,
	FLAT_FALSE,
	FLAT_TRUE,
	FLAT_NUMBER, /* text as written */
	FLAT_STRING, /* unescaped, without quotes; NUL bytes are refused */
	FLAT_JSON,   /* an object or array, as compact JSON text */
};

struct flat_field {
	const char *key; /* not NUL-ended */
	const char *val; /* not NUL-ended */
	size_t key_len;
	size_t val_len;
	enum flat_kind kind;
};

struct flat {
	struct flat_field field[FLAT_MAX_FIELDS];
	size_t n;
	struct buf scratch; /* private: values that had to be copied */
	bool by_jansson;    /* the slow way was taken, for tests and counts */
};

#define FLAT_INIT                                                              \
	{                                                                      \
		.n = 0                                                         \
	}

/* 0, or -1 and the reason in *why. Fields are borrowed from line and from *f
 * until the next parse. The 64 bytes behind the line must be readable. */
int flat_parse(struct flat *f, const char *line, size_t len, struct buf *why)
    __attribute__((warn_unused_result));

/* The field with that name, or NULL. */
const struct flat_field *flat_find(const struct flat *f, const char *key);

void flat_release(struct flat *f);

#endif
