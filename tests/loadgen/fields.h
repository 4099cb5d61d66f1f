/*
 * fields: builds a record from prepared parts of JSON, each a member
 * "key":value without its comma. A style determines the form: keys in any
 * order, spaces after ':' and ',', unknown fields. Parts that never change (a
 * chat's name, a phrase) are made once, so a record costs little more than its
 * bytes.
 */
#ifndef TESTS_LOADGEN_FIELDS_H
#define TESTS_LOADGEN_FIELDS_H

#include "common/containers/arena.h"
#include "common/records/record.h"
#include "tests/loadgen/dice.h"

/* No record is longer; its parts must be short enough. */
#define LINE_MAX_BYTES 4096

enum { FIELDS_MAX = 24 };

struct style {
	bool shuffle, spaces, extra;
	struct dice dice;
	struct arena arena; /* of the pieces */
};

struct fields {
	struct text f[FIELDS_MAX];
	size_t n;
};

/* Creates a part, owned by the style. value is JSON text, with its quotes if it
 * is a string. */
struct text piece_new(struct style *s, const char *key, const char *value);
struct text piece_string(struct style *s, const char *key, const char *text);

/* Writes only `"key":` into the caller's buffer; returns its length. */
size_t piece_key(const struct style *s, const char *key, char *to);

static inline void
fields_add(struct fields *f, struct text piece)
{
	f->f[f->n++] = piece;
}

/* Writes the record without a newline and returns its length. `to` has
 * LINE_MAX_BYTES. */
size_t fields_join(struct style *s, struct fields *f, char *to);

#endif
