/*
 * option_rows: the options of programs that only tests use, as a table. A value
 * is an argument of its own, and "--name" may be shortened to "-n" by a row
 * with that name.
 */
#ifndef TESTS_TOOLS_OPTION_ROWS_H
#define TESTS_TOOLS_OPTION_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/prog.h"

enum option_kind {
	OPTION_FLAG,     /* bool */
	OPTION_TEXT,     /* const char * */
	OPTION_NUMBER,   /* int64_t from min to max */
	OPTION_UINT32,   /* uint32_t from min to max */
	OPTION_MILLI,    /* int64_t: a decimal, in thousandths */
	OPTION_DURATION, /* int64_t: ms */
	OPTION_TIME,     /* int64_t: ms since 1970 */
	OPTION_OTHER,    /* take() parses it */
};

struct option_row {
	const char *name;
	enum option_kind kind;
	void *to;
	int64_t min, max;
	int (*take)(void *to, char *text); /* -1: it is wrong */
};

#define OPTION(NAME, KIND, TO)                                                 \
	{                                                                      \
		.name = (NAME), .kind = OPTION_##KIND, .to = (TO)              \
	}
#define OPTION_RANGE(NAME, TO, MIN, MAX)                                       \
	{                                                                      \
		.name = (NAME), .kind = OPTION_NUMBER, .to = (TO),             \
		.min = (MIN), .max = (MAX)                                     \
	}
#define OPTION_COUNT(NAME, TO, MIN, MAX)                                       \
	{                                                                      \
		.name = (NAME), .kind = OPTION_UINT32, .to = (TO),             \
		.min = (MIN), .max = (MAX)                                     \
	}
#define OPTION_BY(NAME, TO, TAKE)                                              \
	{                                                                      \
		.name = (NAME), .kind = OPTION_OTHER, .to = (TO),              \
		.take = (TAKE)                                                 \
	}

static inline int
option_milli(const char *text, int64_t *milli)
{
	char *rest;
	double x = strtod(text, &rest);

	if (rest == text || *rest != '\0' || !(x >= 0 && x < 1e9))
		return -1;
	*milli = (int64_t)(x * 1000 + 0.5);
	return 0;
}

static inline int
option_take(const struct option_row *row, char *text)
{
	int64_t n;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)row->to = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)row->to = text;
		return 0;
	case OPTION_NUMBER:
		return parse_int(text, row->min, row->max, row->to);
	case OPTION_UINT32:
		if (parse_int(text, row->min, row->max, &n) != 0)
			return -1;
		*(uint32_t *)row->to = (uint32_t)n;
		return 0;
	case OPTION_MILLI:
		return option_milli(text, row->to);
	case OPTION_DURATION:
		return parse_duration(text, row->to);
	case OPTION_TIME:
		return clock_parse(text, strlen(text), row->to);
	case OPTION_OTHER:
		break;
	}
	return row->take(row->to, text);
}

static inline bool
option_is_help(int argc, char **argv)
{
	return argc == 2 &&
	       (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
}

/* Returns -1 to continue, else the exit code. */
static inline int
option_rows_read(const struct option_row *rows, size_t n, int argc, char **argv)
{
	const char *name;
	char *text;
	size_t k;
	int i;

	for (i = 1; i < argc; i++) {
		name = argv[i] + strspn(argv[i], "-");
		for (k = 0; k < n && strcmp(rows[k].name, name) != 0; k++)
			continue;
		if (name == argv[i] || k == n)
			return prog_usage_error("unexpected '%s'", argv[i]);
		text = argv[i];
		if (rows[k].kind != OPTION_FLAG && (text = argv[++i]) == NULL)
			return prog_usage_error("'%s' needs a value", name);
		if (option_take(&rows[k], text) != 0)
			return prog_usage_error(
			    "'%s' does not take '%s'", name, text);
	}
	return -1;
}

#endif
