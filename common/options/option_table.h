/*
 * option_table: the options of a program as tables. A program has modes, one
 * without an option that chooses it and others with one (--check, --list), and
 * each mode has its rows: what they are called, what their values are, where
 * they are stored. From the rows come the reading of the command line, its
 * refusals, and the help: `program -h` that of the first mode with a list of
 * the others, `program --check -h` that of a mode.
 *
 * Options are read as getopt_long(3) reads them. One that is no row of the
 * chosen mode is refused with the modes that it is for. -c, -n, -q, -v, -h and
 * -V are in every mode, and no rows of it.
 */
#ifndef COMMON_OPTIONS_OPTION_TABLE_H
#define COMMON_OPTIONS_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/prog.h"

enum option_kind {
	OPTION_KIND_NONE, /* stores nothing: it chooses a mode */
	OPTION_KIND_FLAG, /* a bool becomes true */
	OPTION_KIND_TEXT, /* a const char *, borrowed from argv */
	OPTION_KIND_TAKE, /* take() stores it */
};

struct option_row {
	const char *name;  /* "from" of --from, or NULL */
	const char *value; /* "FROM", or NULL when it takes none */
	const char *help;  /* a line */
	size_t offset;     /* in the structure that the program fills */
	/* For OPTION_KIND_TAKE: -1 to go on, else the exit code, told. */
	int (*take)(const char *value, void *to);
	enum option_kind kind;
	char letter;   /* 'f' of -f, or 0 */
	bool required; /* as the usage line shows; the mode's check() says so */
};

/* Rows: the letter or 0, the name or NULL, and the member of a structure. */
#define OPTION_FLAG(name, type, member, help)                                  \
	{                                                                      \
		name, NULL, help, offsetof(type, member), NULL,                \
		    OPTION_KIND_FLAG, 0, false                                 \
	}
#define OPTION_TEXT(letter, name, value, type, member, help)                   \
	{                                                                      \
		name, value, help, offsetof(type, member), NULL,               \
		    OPTION_KIND_TEXT, letter, false                            \
	}
#define OPTION_REQUIRED(letter, name, value, type, member, help)               \
	{                                                                      \
		name, value, help, offsetof(type, member), NULL,               \
		    OPTION_KIND_TEXT, letter, true                             \
	}
#define OPTION_TAKE(letter, name, value, type, member, take, help)             \
	{                                                                      \
		name, value, help, offsetof(type, member), take,               \
		    OPTION_KIND_TAKE, letter, false                            \
	}
/* -o FORMAT, into an enum out_format. */
#define OPTION_FORMAT(type, member)                                            \
	OPTION_TAKE('o', NULL, "FORMAT", type, member, option_take_format,     \
	    "table, ndjson or csv")
/* Chooses a mode, without a value. */
#define OPTION_MODE(name, help)                                                \
	{                                                                      \
		name, NULL, help, 0, NULL, OPTION_KIND_NONE, 0, false          \
	}

struct option_mode {
	/* The option that chooses it, its help a line in the list of modes;
	 * of the first mode nothing but zeros. */
	struct option_row choice;
	/* When set, the choice is one only with such a value, and only where
	 * no other mode is chosen. */
	bool (*when)(const char *value);
	const char *title; /* in messages; NULL: the choice's name */
	const char *about; /* what it does: lines, each with its newline */
	const struct option_row *rows;
	size_t rows_n;
	/* What the options say together: -1 to go on, else the exit code,
	 * told. May be NULL. */
	int (*check)(void *options);
	/* Works; what is wrong is logged. */
	enum exit_code (*run)(void *options);
};

/* What every mode takes. The structure that a program fills begins with it. */
struct option_common {
	const char *config;
	bool only_check, quiet; /* -n, -q */
	int verbose;
	struct conf *conf; /* loaded by program_main() */
};

/* Fills *options, which begins with a struct option_common, and *mode. -1 to
 * go on, else the exit code: help or version was shown, or one line says what
 * is wrong. */
int option_read(const struct option_mode *const *modes, size_t modes_n,
    int argc, char **argv, void *options, const struct option_mode **mode)
    __attribute__((warn_unused_result));

/* The help of a mode; of the first with the list of the others. */
void option_help(const struct option_mode *const *modes, size_t modes_n,
    const struct option_mode *mode, struct buf *to);

/* Whether it is called the same. */
bool option_is_same(const struct option_row *a, const struct option_row *b);

/* take() of OPTION_FORMAT. */
int option_take_format(const char *value, void *to);

#endif
