/*
 * filter: a jq program that turns an object into the text of a message: a
 * format for notices. It has no access to the environment or to files, and a
 * second of processor time.
 */
#ifndef POLLER_CRM_FILTER_H
#define POLLER_CRM_FILTER_H

#include "common/base/buf.h"

#include <stdbool.h>

struct filter;

/* Compiles a filter: a path if name has a slash, otherwise NAME.jq in the
 * folder of formats. Returns NULL and *why, which names the line, on failure.
 */
struct filter *filter_open(const char *name, struct buf *why)
    __attribute__((warn_unused_result));
/* NULL is allowed. */
void filter_close(struct filter *f);

struct filter_result {
	struct buf text;
	bool is_json; /* false: the result was a string */
};

/* Applies the filter to the JSON text of an object. Returns 0, or -1 and
 * *why. */
int filter_run(struct filter *f, const char *object, struct filter_result *out,
    struct buf *why) __attribute__((warn_unused_result));

#endif
