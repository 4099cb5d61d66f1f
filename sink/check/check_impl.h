/*
 * check_impl: what check*.c share; nobody else includes it.
 *
 *   check.c         server, schema, tables, thresholds; how it is told
 *   check_rights.c  what our user may do
 */
#ifndef SINK_CHECK_CHECK_IMPL_H
#define SINK_CHECK_CHECK_IMPL_H

#include "sink/check/check.h"

#include "sink/tables/schema.h"

#include <stdbool.h>

/* Advice does not make the exit code. */
enum check_result { CHECK_FINE, CHECK_ADVICE, CHECK_WRONG };

struct check_report {
	struct db *db;
	const struct conf *conf;
	enum out_format format;
	bool each; /* of a table for people, what is fine too */
	struct out_table table;
	struct buf text;
	bool wrong;
	unsigned fine; /* items that the table leaves out */
	struct schema *schema;
	size_t faults; /* of it */
};

/* What was looked at, what it is, and what to do unless it is fine. */
void check_item(struct check_report *r, enum check_result result,
    const char *name, const char *is, const char *what);

/* Tells of rights that are missing, and of such as no daemon should have. */
enum outcome check_needed_rights(struct check_report *r);
enum outcome check_wide_rights(struct check_report *r);

#endif
