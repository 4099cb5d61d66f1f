/*
 * check_report: the items of a self-check and how they are printed: a table for
 * people, CSV or NDJSON. A report starts as a zeroed struct with db, conf,
 * format and each set, followed by check_report_restart().
 */
#ifndef SINK_CHECK_CHECK_REPORT_H
#define SINK_CHECK_CHECK_REPORT_H

#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/output/output_table.h"
#include "sink/tables/schema.h"

#include <stdbool.h>

/* Advice does not change the exit code. */
enum check_result { CHECK_FINE, CHECK_ADVICE, CHECK_WRONG };

struct check_report {
	struct db *db;
	const struct conf *conf;
	enum output_format format;
	bool each; /* a table for people shows items that are fine, too */
	struct output_table table;
	struct buf text;
	bool wrong;
	unsigned fine; /* items that the table leaves out */
	struct schema schema;
	bool differs; /* the database from the schema */
};

/* Drops all items: a transaction may run several times. */
void check_report_restart(struct check_report *r);

/* Adds an item: its name, what it is, and what to do unless it is fine. */
void check_report_item(struct check_report *r, enum check_result result,
    const char *name, const char *is, const char *what);

/* Prints the items on stdout. PROG_OK, or PROG_IO (logged). */
enum exit_code check_report_print(struct check_report *r)
    __attribute__((warn_unused_result));

/* Releases the items, not the schema. */
void check_report_release(struct check_report *r);

#endif
