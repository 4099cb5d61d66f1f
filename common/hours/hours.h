/*
 * hours: a team's opening hours, as instants. A calendar is a section of the
 * configuration, see messaging-hours(7). hours_read() converts its lines once
 * to open intervals in UTC; all functions compute with these, exactly to the
 * millisecond. Clock changes of the time zone only matter in this conversion.
 *
 * A line "since = DATE" begins a version, which applies from the beginning of
 * that day in its own zone. A version inherits the lines of the previous
 * version, except those that it repeats.
 *
 * Work time is the time in which the team is open. If W(t) is the open time
 * before t, the work time of an interval is W(end) - W(begin), and a deadline
 * is the earliest instant at which W has grown by the target. The work times of
 * the parts of an interval therefore add up to that of the whole interval.
 *
 * An object does not change after it was created, so any number of threads may
 * use it.
 * Alternatives: libical evaluates repetitions but has no opening hours; CRMs'
 * own business hours have no night shifts, no holidays or one interval a day.
 */
#ifndef COMMON_HOURS_HOURS_H
#define COMMON_HOURS_HOURS_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/hours/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hours are computed for the years 2000 to 2037, the last year in the system's
 * time zones. At other times, the team is closed, and work time is unknown. */

/* Instead of an instant that these years do not contain. */
#define HOURS_NEVER INT64_MAX

struct hours;

/* Reads a file of holidays into text. Returns 0, or -1 and *why, which rejects
 * the calendar; or 1 and *why: the calendar has no holidays from that file, and
 * lists the reason as ignored. */
typedef int hours_read_file(
    void *ctx, const char *path, struct buf *text, struct buf *why);

/* A hours_read_file for programs that cannot ask the database for the last text
 * of a file: does without it, and logs a warning. */
int hours_read_if_possible(
    void *ctx, const char *path, struct buf *text, struct buf *why);

/* Reads a calendar with that name in the configuration. Files of holidays are
 * read by read_file, or from the disk if it is NULL. Owned. If a line is
 * invalid, returns NULL, sets *why, which contains a valid example, and *line,
 * the number of the line. */
struct hours *hours_read(const char *name, const struct conf_entry *lines,
    size_t n, hours_read_file *read_file, void *ctx, struct buf *why,
    unsigned *line) __attribute__((warn_unused_result));

/* NULL is allowed. */
void hours_free(struct hours *h);

/* The name in the configuration; borrowed. */
const char *hours_name(const struct hours *h);

/* Returns whether the work time of the interval is known: it lies in these
 * years and does not begin before the first version. */
bool hours_known(const struct hours *h, int64_t begin, int64_t end);

/* Returns the work time from begin to end; 0 if end is before begin. */
int64_t hours_work(const struct hours *h, int64_t begin, int64_t end);

/* Returns the earliest instant, not before t, with hours_work(t, instant) =
 * work, which must not be negative; HOURS_NEVER if there is none. */
int64_t hours_deadline(const struct hours *h, int64_t t, int64_t work);

/* Whether the team is open at an instant, and until when: the next closing or
 * opening, or HOURS_NEVER. The team is open at the instant of opening, and
 * closed at the instant of closing. */
struct hours_state {
	bool open;
	int64_t until;
};
struct hours_state hours_at(const struct hours *h, int64_t t);

/* Returns a fingerprint of the days that the interval touches. Calendars with
 * the same open intervals on these days have the same fingerprint, even if
 * other days differ. */
uint64_t hours_print(const struct hours *h, int64_t begin, int64_t end);

/* Returns a fingerprint of the whole calendar. */
uint64_t hours_version(const struct hours *h);

/* Return the zone in force at an instant, and its name; borrowed. */
const struct zone *hours_zone(const struct hours *h, int64_t t);
const char *hours_zone_name(const struct hours *h, int64_t t);

/* Appends a day in words, "9:00-13:00 14:00-18:00" or "closed (Christmas Day)".
 * day: days since 1970-01-01 in the calendar of the zone in force. */
void hours_add_day(const struct hours *h, int64_t day, struct buf *to);

/* Appends the texts of the files of holidays, each after a line with its path,
 * which begins with HOURS_FILE_MARK. */
void hours_add_files(const struct hours *h, struct buf *to);

/* No line of an iCalendar file begins with this. */
#define HOURS_FILE_MARK "# "

/* Appends the events of the files of holidays that were ignored, with the
 * reason, one a line. */
void hours_add_ignored(const struct hours *h, struct buf *to);

#endif
