/*
 * report: how a team did in a span of days: one file of HTML with tables and
 * charts and nothing from elsewhere, to mail and to print, or the same figures
 * as CSV. Response times are the API's answers (by_hand.h); what the API has as
 * lists only is added up by a statement of its own.
 *
 * It names operators, chats, and the users of alerts; no customer's name, no
 * message.
 */
#ifndef SINK_REPORT_REPORT_H
#define SINK_REPORT_REPORT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/db/db.h"
#include "sink/access/viewer.h"
#include "sink/calendar/zone.h"

#include <stdint.h>

enum report_form { REPORT_BY_NAME, REPORT_HTML, REPORT_CSV };

#define REPORT_DAY "2026-11-20"

/* How each report in CSV begins; in HTML as each page (page.h). */
#define REPORT_CSV_BEGIN "totals,figure,"

struct report_request {
	const struct viewer *viewer;
	int64_t timeout_ms; /* of a statement */
	int64_t now_ms;
	/* Dates in the zone; `to` does not belong to it. Both NULL: the last
	 * whole week. */
	const char *from, *to;
	const char *zone;      /* of IANA's; NULL: UTC */
	const char *within;    /* seconds, as text */
	enum report_form form; /* not by name */
};

/* The zone of that name; NULL after a message. Owned. */
struct zone *report_open_zone(const char *name);

/* Appends the report. Otherwise the exit code, after a message. */
enum exit_code report_write(
    const struct report_request *request, struct db *db, struct buf *to);

/* In report_file.c: puts a report where it is wanted: whole or not at all, and
 * never in the place of something else. */

/* By the suffix of the name: HTML, CSV, or REPORT_BY_NAME: by none. */
enum report_form report_form_of(const char *path);

/* PROG_OK when the path is free, or has a report of this form, which may be
 * replaced. Otherwise the code, after a message. */
enum exit_code report_file_check(const char *path, enum report_form form)
    __attribute__((warn_unused_result));

/* Writes the file beside the path, then renames it. "-": standard output. */
enum exit_code report_file_write(const char *path, const struct buf *text)
    __attribute__((warn_unused_result));

#endif
