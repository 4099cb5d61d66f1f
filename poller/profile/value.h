/*
 * value: JSON as a profile sees it. Implemented in profile_value.c, behind
 * which libjq is hidden; everybody else holds counted references.
 */
#ifndef POLLER_PROFILE_VALUE_H
#define POLLER_PROFILE_VALUE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL is null. */
struct value;

/* The body of an answer. A byte order mark is skipped; whole numbers above
 * 2^53 become strings, because libjq would round them; bytes that are no
 * UTF-8 and half surrogates become U+FFFD, and *mended says so. NULL and *why
 * when it is not JSON. */
struct value *value_parse(const char *body, size_t len, bool *repaired,
    struct buf *why) __attribute__((warn_unused_result));

struct value *value_ref(struct value *v);
void value_unref(struct value *v);

/* Its JSON text, appended. */
void value_dump(const struct value *v, struct buf *out);

/* {"chat":ID}: a chat of which nothing else is known. */
struct value *value_chat(const char *chat) __attribute__((warn_unused_result));

/* What stands behind one key of an object. */
enum view_kind {
	VIEW_ABSENT, /* or null */
	VIEW_FALSE,
	VIEW_TRUE,
	VIEW_NUMBER,
	VIEW_TEXT,
	VIEW_TREE, /* an array or object, as JSON text */
};

struct value_view {
	enum view_kind kind;
	double number;
	const char *text; /* borrowed from the value; of TREE from *scratch */
	size_t len;
};

/* Frees what value_parse() keeps ready between calls of this thread. */
void value_end(void);

/* Names that are looked up in many objects, made ready for that. */
struct value_keys;
struct value_keys *value_keys_new(const char *const *names, size_t n);
void value_keys_free(struct value_keys *k);

/* Looks all keys up in v, which need not be an object: n views. Trees are
 * dumped into scratch, which is cleared first. */
void value_view(const struct value *v, const struct value_keys *k,
    struct value_view *views, struct buf *scratch);

#endif
