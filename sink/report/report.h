/*
 * report: a team's figures for some days: one HTML file with tables and charts,
 * which loads nothing, to mail and to print; or the same figures as CSV.
 * Response times come from the API (by_hand.h); data that the API only has as
 * lists are added up by SQL statements here.
 *
 * It names operators, chats, and the users in alerts; it contains no customer
 * names and no messages.
 */
#ifndef SINK_REPORT_REPORT_H
#define SINK_REPORT_REPORT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/db/db.h"
#include "common/hours/zone.h"
#include "sink/access/viewer.h"

#include <stdbool.h>
#include <stdint.h>

enum report_form { REPORT_BY_NAME, REPORT_HTML, REPORT_CSV };

#define REPORT_DAY "2026-11-20"

/* The default target for response times, in seconds; the board's slider has the
 * same (sink/board/settings.js). It is used without a target, see
 * response_target(). */
#define WITHIN_S "300"

struct report_request {
	const struct viewer *viewer;
	int64_t timeout_ms; /* for each statement */
	int64_t now_ms;
	/* Dates in the zone; `to` is not included. Both NULL: the last complete
	 * week. */
	const char *from, *to;
	const char *zone;      /* IANA name; NULL: the tenant's */
	const char *within;    /* seconds, as text; NULL: the target */
	enum report_form form; /* must not be REPORT_BY_NAME */
	bool bom;              /* CSV begins with OUTPUT_CSV_BOM */
};

/* Returns the zone with that name; NULL after a message. Owned. */
struct zone *report_open_zone(const char *name);

/* Appends the report and returns PROG_OK; otherwise the exit code, after a
 * message. */
enum exit_code report_write(
    const struct report_request *request, struct db *db, struct buf *to);

/* In report_file.c: writes a report to a file, completely or not at all. */

/* Returns the form by the name's suffix: HTML, CSV, or REPORT_BY_NAME if it has
 * neither. */
enum report_form report_form_of(const char *path);

/* Returns PROG_OK if the path is free, or has a regular file, which will be
 * replaced. Otherwise the code, after a message. */
enum exit_code report_file_check(const char *path)
    __attribute__((warn_unused_result));

/* Writes a file next to the path, then renames it. "-": standard output. */
enum exit_code report_file_write(const char *path, const struct buf *text)
    __attribute__((warn_unused_result));

#endif
