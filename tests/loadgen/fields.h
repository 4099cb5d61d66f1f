/*
 * fields: builds a record from prepared pieces of JSON, each a member
 * "key":value without its comma. A style decides the form: keys in any order,
 * blanks behind ':' and ',', unknown fields. Pieces that never change (a chat's
 * name, a phrase) are made once, so that a record costs little more than its
 * bytes.
 */
#ifndef TESTS_LOADGEN_FIELDS_H
#define TESTS_LOADGEN_FIELDS_H

#include "common/containers/arena.h"
#include "common/records/record.h"
#include "tests/loadgen/dice.h"

/* No record is longer; the pieces of one must see to it. */
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

/* Owned by the style. value is JSON text, with its quotes if it is a string. */
struct text piece_new(struct style *s, const char *key, const char *value);
struct text piece_string(struct style *s, const char *key, const char *text);

/* The same into a buffer of the caller: `"key":` only; its length. */
size_t piece_key(const struct style *s, const char *key, char *to);

static inline void
fields_add(struct fields *f, struct text piece)
{
	f->f[f->n++] = piece;
}

/* Writes the record without a newline; its length. to has LINE_MAX_BYTES. */
size_t fields_join(struct style *s, struct fields *f, char *to);

#endif
