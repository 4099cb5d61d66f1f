/*
 * targets: how soon a team wants to answer. Targets are written as lines of the
 * configuration, see messaging-hours(7); "since = DATE" begins a version, which
 * keeps the lines of the version before, except those that it contains itself.
 */
#ifndef COMMON_HOURS_TARGETS_H
#define COMMON_HOURS_TARGETS_H

#include "common/base/buf.h"
#include "common/base/text.h"
#include "common/conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What has a target. */
enum target_kind {
	TARGET_FIRST_RESPONSE,
	TARGET_REPLY,
	TARGET_RESOLUTION,
	TARGET_KINDS
};

struct target {
	int64_t ms; /* 0: no target */
	bool work;  /* in work time, not in calendar time */
};

struct targets_version {
	int64_t since; /* the day on which it begins, as days since 1970-01-01;
			* INT64_MIN: always */
	struct target of[TARGET_KINDS];
	int soon; /* a wait is soon late when this percentage of its target is
		   * left */
};

struct targets {
	char *name;                   /* in the configuration; "": [targets] */
	struct targets_version *list; /* in order */
	size_t n, cap;
};

/* Reads targets. Owned. Returns NULL, *why with an example of what is right,
 * and *line, the line of the configuration that is wrong. */
struct targets *targets_read(const char *name, const struct conf_entry *lines,
    size_t n, struct buf *why, unsigned *line)
    __attribute__((warn_unused_result));

/* NULL is allowed. */
void targets_free(struct targets *t);

/* Returns whether any target is in work time. */
bool targets_need_hours(const struct targets *t);

/* Returns the version in force on a day; NULL before the first. */
const struct targets_version *targets_on(const struct targets *t, int64_t day);

/* Appends a target as it is written: "1h30m work", "none". */
void target_add(struct target t, struct buf *to);

/* The name of a kind, as in the configuration and in the table intervals. */
const char *target_kind_name(enum target_kind kind);
/* The kind with the name of an answer, `first_response` or `reply`. */
enum target_kind target_kind_of_answer(struct text name);

#endif
