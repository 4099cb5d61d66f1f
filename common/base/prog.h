/*
 * prog: what all four programs share: name, help, version, exit codes, and
 * prog_die(), the only way to end the process early.
 *
 * Exit codes are those of sysexits.h. Cron and the other programs read them:
 * 75 means "try again", everything else between 64 and 78 needs a person.
 * Only main.c and prog.c end the process, and, where nothing may be called any
 * more, the signal handlers of stop.c and lmdb_guard.c; all other code returns.
 */
#ifndef COMMON_BASE_PROG_H
#define COMMON_BASE_PROG_H

/* The subset of sysexits.h that is used, with the meaning it has here. */
enum exit_code {
	PROG_OK = 0,
	PROG_USAGE = 64,   /* the command line is wrong */
	PROG_DATA = 65,    /* input was cut, malformed, or not whole */
	PROG_NOINPUT = 66, /* no input at all, or a file that is not there */
	PROG_UNAVAILABLE = 69, /* the CRM's answers are of no use */
	PROG_SOFTWARE = 70,    /* a bug in this program */
	PROG_CANTCREATE = 73,  /* an output file or folder cannot be made */
	PROG_IO = 74,          /* reading or writing failed: a full disk, ... */
	PROG_TEMPFAIL = 75,    /* a server is away or busy: try again */
	PROG_NOPERM = 77,      /* a token or a password is refused */
	PROG_CONFIG = 78,      /* the configuration is wrong */
};

/* How an operation on a file, a server or a queue ended; see retry.h. */
enum outcome {
	OUTCOME_DONE,
	OUTCOME_LATER, /* try again; the input is not the cause */
	OUTCOME_NEVER, /* trying again would change nothing */
};

/* Sets the name used in messages (the last path component of argv0), opens
 * /dev/null for each closed standard descriptor, so that no file gets its
 * number, and gives jansson xmalloc(). Call first. */
void prog_init(const char *argv0);

/* The name set by prog_init(). Static. */
const char *prog_name(void);

/* "1.2.3", from the Makefile. */
const char *prog_version(void);

/* Where profiles/, schema/ and so on were to be installed. */
const char *prog_datadir(void);

/* The folder of data files to use, as an owned path: installed is the name
 * below the data folder ("profiles"), source the one in a checkout, seen from
 * the top ("poller/profiles"). A program that runs from build/bin of a
 * checkout finds the checkout's. */
char *prog_data(const char *installed, const char *source)
    __attribute__((warn_unused_result));

/* Writes out what is still in stdout's buffer. PROG_OK, also when nobody reads
 * it any more (`| head`), or what syserr.h says after one line on stderr. */
enum exit_code prog_flush(void);

/* Prints the usage text on stdout and returns what prog_flush() does (for
 * -h). */
int prog_help(const char *usage);

/* Prints "name (messaging-analytics) VERSION" on stdout and returns what
 * prog_flush() does (for -V). */
int prog_show_version(void);

/* The name of the option that chose a mode, borrowed for ever, or NULL: usage
 * errors then name the help of that mode. */
void prog_set_mode(const char *option);

/* Prints "name: MESSAGE; try 'name -h'" on stderr, or 'name --mode -h', and
 * returns PROG_USAGE. Control characters are masked as in the log. */
int prog_usage_error(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* The same for an option that getopt_long() answered with c, '?' or ':'; its
 * list of letters begins with ':', so that it says nothing itself. */
int prog_bad_option(int c, char *const *argv);

/* Ends the process with PROG_SOFTWARE or PROG_TEMPFAIL after one line on
 * stderr. For allocation failure and broken invariants only. */
_Noreturn void prog_die(enum exit_code code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* When set, prog_die() calls this instead of ending: tests long-jump out. */
extern void (*prog_die_hook)(enum exit_code code);

#endif
