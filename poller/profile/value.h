/*
 * value: JSON values for profiles, as counted references. Implemented in
 * profile_value.c, which hides libjq.
 */
#ifndef POLLER_PROFILE_VALUE_H
#define POLLER_PROFILE_VALUE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* A NULL pointer stands for null. */
struct value;

/* Parses the body of an answer. A byte order mark is skipped; whole numbers
 * above 2^53 become strings, because libjq would round them, and so do numbers
 * beyond a double; NUL becomes U+FFFD, and so do bytes that are no UTF-8 and
 * half surrogates, which set *repaired. NULL and *why if it is not JSON. */
struct value *value_parse(const char *body, size_t len, bool *repaired,
    struct buf *why) __attribute__((warn_unused_result));

struct value *value_ref(struct value *v);
void value_unref(struct value *v);

/* Appends its JSON text. */
void value_dump(const struct value *v, struct buf *out);

/* {"chat":ID}, for a chat of which only the id is known. Owned. */
struct value *value_chat(const char *chat) __attribute__((warn_unused_result));

/* The kind of a member's value. */
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

/* Frees what value_parse() caches for this thread. */
void value_end(void);

/* Names to look up in many objects, prepared for speed. */
struct value_keys;
struct value_keys *value_keys_new(const char *const *names, size_t n);
void value_keys_free(struct value_keys *k);

/* Looks all keys up in v and sets a view for each; all are absent if v is not
 * an object. Trees are dumped into scratch, which is cleared first. */
void value_view(const struct value *v, const struct value_keys *k,
    struct value_view *views, struct buf *scratch);

#endif
