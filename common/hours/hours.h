/*
 * hours: a team's opening hours, as instants. A calendar is written as lines of
 * the configuration, see messaging-hours(7); hours_read() converts them once to
 * the open intervals in UTC, of which all answers are exact to the millisecond.
 * The clock changes of the time zone matter in this conversion only.
 *
 * A line "since = DATE" begins a version, which counts from the beginning of
 * that day in its own zone; a version keeps the lines of the version before,
 * except those that it contains itself.
 *
 * Work time is the time that is open: with W(t), the open time up to t, an
 * interval's work time is W(end) - W(begin), and a deadline is the earliest
 * instant at which W has grown by the target. So the work times of the parts of
 * an interval add up to that of the whole.
 *
 * An object is only read after it was made: any number of threads may use it.
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

/* Hours are computed from 2000 to 2037, the last year of the system's time
 * zones; before and after, nothing is known and nothing is open. */

/* An instant that is not in these years. */
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

/* Reads a calendar. name is its name in the configuration. Files of holidays
 * come from read_file, or from the disk if that is NULL. Owned. Returns NULL,
 * *why with an example of what is right, and *line, the line of the
 * configuration that is wrong. */
struct hours *hours_read(const char *name, const struct conf_entry *lines,
    size_t n, hours_read_file *read_file, void *ctx, struct buf *why,
    unsigned *line) __attribute__((warn_unused_result));

/* NULL is allowed. */
void hours_free(struct hours *h);

/* The name in the configuration; borrowed. */
const char *hours_name(const struct hours *h);

/* True if the interval lies in these years and does not begin before the first
 * version. Only then is its work time known. */
bool hours_known(const struct hours *h, int64_t begin, int64_t end);

/* Returns the work time from begin to end; 0 if end is before begin. */
int64_t hours_work(const struct hours *h, int64_t begin, int64_t end);

/* Returns the earliest instant, not before t, with hours_work(t, instant) =
 * work, which must not be negative; HOURS_NEVER if there is none. */
int64_t hours_deadline(const struct hours *h, int64_t t, int64_t work);

/* Whether it is open at an instant, and until when: the next closing or
 * opening, or HOURS_NEVER. The instant of opening is open, that of closing is
 * closed. */
struct hours_state {
	bool open;
	int64_t until;
};
struct hours_state hours_at(const struct hours *h, int64_t t);

/* Returns a fingerprint of the days that the interval touches: two calendars
 * with the same open time on all of these days have the same one, whatever
 * their other days. */
uint64_t hours_print(const struct hours *h, int64_t begin, int64_t end);

/* Returns a fingerprint of the whole calendar. */
uint64_t hours_version(const struct hours *h);

/* The zone in force at an instant, and its name; borrowed. */
const struct zone *hours_zone(const struct hours *h, int64_t t);
const char *hours_zone_name(const struct hours *h, int64_t t);

/* Appends a day in words, "9:00-13:00 14:00-18:00" or "closed (Christmas Day)".
 * day: days since 1970-01-01 in the calendar of the zone in force. */
void hours_add_day(const struct hours *h, int64_t day, struct buf *to);

/* Appends the files of holidays, as they were read: each after a line with its
 * path, see HOURS_FILE_MARK. */
void hours_add_files(const struct hours *h, struct buf *to);

/* Begins the line with the path of a file. No line of an iCalendar file begins
 * with this. */
#define HOURS_FILE_MARK "# "

/* Appends the events of the files of holidays that were ignored, with the
 * reason, one a line. */
void hours_add_ignored(const struct hours *h, struct buf *to);

#endif
