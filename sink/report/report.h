/*
 * report: how a team did in a span of days: one file of HTML with tables and
 * pictures and nothing from elsewhere, to mail and to print, or the same
 * figures as CSV. All figures are the API's: response times are its answers
 * (by_hand.h), and what it has as lists only is added up by question_ask().
 *
 * It names operators, chats, and the users of alerts; no customer's name, no
 * message.
 */
#ifndef SINK_REPORT_REPORT_H
#define SINK_REPORT_REPORT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/calendar/zone.h"
#include "common/db/db.h"
#include "sink/access/viewer.h"

#include <stdint.h>

enum report_form { REPORT_BY_NAME, REPORT_HTML, REPORT_CSV };

#define REPORT_DAY "2026-11-20"

struct report_request {
	const struct viewer *viewer;
	int64_t timeout_ms; /* of a statement */
	int64_t now_ms;
	/* Dates in the zone; `to` does not belong to it. Both NULL: the last
	 * whole week (report_work.c). */
	const char *from, *to;
	const char *zone;      /* of IANA's; NULL: UTC */
	const char *within;    /* seconds, as text */
	enum report_form form; /* not by name */
};

/* The zone of that name; NULL after a message. Owned. */
struct zone *report_open_zone(const char *name);

/* Appends what each report of a form begins with. */
void report_beginning(enum report_form form, struct buf *to);

/* Appends the report. Otherwise the exit code, after a message. */
enum exit_code report_write(
    const struct report_request *request, struct db *db, struct buf *to);

#endif
