/*
 * option_table: the options of a program as tables. A program has modes: the
 * first is the default, each of the others is chosen by an option (--check,
 * --list). A mode has a row for each option: its name, its value, and where it
 * is stored. The rows are used to read the command line, for error messages,
 * and for the help: `program -h` shows the first mode and a list of the others,
 * `program --check -h` shows that mode.
 *
 * Options are read with getopt_long(3). An option without a row in the chosen
 * mode is an error, whose message names the modes that have it. -c, -n, -q, -v,
 * -h and -V exist in every mode, without rows; option_table.c has their help.
 */
#ifndef COMMON_OPTIONS_OPTION_TABLE_H
#define COMMON_OPTIONS_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/prog.h"

enum option_kind {
	OPTION_KIND_NONE, /* stores nothing, but chooses a mode */
	OPTION_KIND_FLAG, /* sets a bool to true */
	OPTION_KIND_TEXT, /* a const char *, borrowed from argv */
	OPTION_KIND_TAKE, /* take() stores it */
};

struct option_row {
	const char *name;  /* "from" of --from, or NULL */
	const char *value; /* "FROM", or NULL if it takes none */
	const char *help;  /* one line */
	size_t offset;     /* offset in the structure that is filled */
	/* For OPTION_KIND_TAKE: returns -1 to continue, otherwise the exit
	 * code, after a message. */
	int (*take)(const char *value, void *to);
	enum option_kind kind;
	char letter;   /* 'f' of -f, or 0 */
	bool required; /* only for the usage line; the mode's check() enforces
			* it */
	bool repeats;  /* take() adds each value; otherwise the last one counts,
			* or a second one is refused: see is_given_once() */
};

/* Macros for rows: the letter or 0, the name or NULL, and the member of a
 * structure. */
#define OPTION_FLAG(name, type, member, help)                                  \
	{                                                                      \
		name, NULL, help, offsetof(type, member), NULL,                \
		    OPTION_KIND_FLAG, 0, false, false                          \
	}
#define OPTION_TEXT(letter, name, value, type, member, help)                   \
	{                                                                      \
		name, value, help, offsetof(type, member), NULL,               \
		    OPTION_KIND_TEXT, letter, false, false                     \
	}
#define OPTION_REQUIRED(letter, name, value, type, member, help)               \
	{                                                                      \
		name, value, help, offsetof(type, member), NULL,               \
		    OPTION_KIND_TEXT, letter, true, false                      \
	}
#define OPTION_TAKE(letter, name, value, type, member, take, help)             \
	{                                                                      \
		name, value, help, offsetof(type, member), take,               \
		    OPTION_KIND_TAKE, letter, false, false                     \
	}
#define OPTION_REQUIRED_TAKE(letter, name, value, type, member, take, help)    \
	{                                                                      \
		name, value, help, offsetof(type, member), take,               \
		    OPTION_KIND_TAKE, letter, true, false                      \
	}
/* May be given several times: take() adds the value. */
#define OPTION_REPEATED(name, value, type, member, take, help)                 \
	{                                                                      \
		name, value, help, offsetof(type, member), take,               \
		    OPTION_KIND_TAKE, 0, false, true                           \
	}
/* -o FORMAT, into an enum output_format. */
#define OPTION_FORMAT(type, member)                                            \
	OPTION_TAKE('o', NULL, "FORMAT", type, member, option_take_format,     \
	    "table, ndjson or csv")
/* Chooses a mode, without a value. */
#define OPTION_MODE(name, help)                                                \
	{                                                                      \
		name, NULL, help, 0, NULL, OPTION_KIND_NONE, 0, false, false   \
	}

struct option_mode {
	/* The option that chooses the mode, with its help for the list of
	 * modes; zeroed in the first mode. */
	struct option_row choice;
	/* If set, the option chooses the mode only if this is true for its
	 * value and no other mode is chosen. */
	bool (*when)(const char *value);
	const char *title; /* for messages; NULL: the choice's name */
	const char *about; /* what the mode does: lines with newlines */
	/* Appends the values that the choice takes, one per line, for the help.
	 * May be NULL. */
	void (*list_values)(struct buf *to);
	const struct option_row *rows;
	size_t rows_n;
	/* Checks the options together: returns -1 to continue, otherwise the
	 * exit code, after a message. May be NULL. */
	int (*check)(void *options);
	/* Does the mode's work and returns the exit code; logs errors. */
	enum exit_code (*run)(void *options);
};

/* The options of every mode. A program's structure begins with it. */
struct option_common {
	const char *config;
	bool only_check, quiet; /* -n, -q */
	int verbose;
	struct conf *conf; /* loaded by program_main() */
};

/* The take() of OPTION_FORMAT. */
int option_take_format(const char *value, void *to);

/* The common main(): reads the options into *options, which begins with a
 * struct option_common, loads the configuration into it, runs the mode, and
 * frees the configuration. Returns the exit code. */
int program_main(const struct option_mode *const *modes, size_t modes_n,
    int argc, char **argv, void *options);

#endif
