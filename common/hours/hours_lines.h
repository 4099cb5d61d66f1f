/*
 * hours_lines: the versions of a calendar as they are written: shifts of the
 * days of a week, in local time, and exceptions from them.
 */
#ifndef COMMON_HOURS_HOURS_LINES_H
#define COMMON_HOURS_HOURS_LINES_H

#include "common/hours/holidays.h"
#include "common/hours/hours.h"

/* Times are minutes since the day's midnight. An end above 24 h is on the next
 * day. */
struct shift {
	int begin, end;
};

struct shifts {
	struct shift *list; /* in order */
	size_t n, cap;
	unsigned line;
};

/* An exception on a day, from `closed` or `open`. */
struct exception {
	int64_t day;
	bool whole; /* closed all day; the shift is not used */
	struct shift shift;
};

struct exceptions {
	struct exception *list;
	size_t n, cap;
};

struct hours_version {
	int64_t since; /* the day on which it begins; INT64_MIN: always */
	char *zone_name;
	struct zone *zone;
	struct shifts week[7]; /* from Monday */
	struct exceptions closed, open;
	unsigned open_line;  /* of `open`; 0: none */
	char *holidays_path; /* NULL: none */
	struct buf holidays_text;
	struct holidays holidays;
};

struct hours_versions {
	struct hours_version *list;
	size_t n, cap;
};

/* Reads the lines, as hours_read() does. The versions are in order, each
 * complete. Returns 0, or -1 with *why and *line. */
int hours_lines_read(struct hours_versions *v, const struct conf_entry *lines,
    size_t n, hours_read_file *read_file, void *ctx, struct buf *why,
    unsigned *line) __attribute__((warn_unused_result));
void hours_lines_release(struct hours_versions *v);

/* Replaces the list by the day's shifts. *holiday: the name of the holiday for
 * which the day is closed, borrowed, or NULL. */
void hours_lines_day(const struct hours_version *v, int64_t day,
    struct shifts *to, const char **holiday);

/* Returns the index of the first exception on that day or a later one. */
size_t hours_lines_find(const struct exceptions *list, int64_t day);

#endif
