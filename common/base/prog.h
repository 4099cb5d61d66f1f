/*
 * prog: shared by all four programs: name, help, version, exit codes, and
 * prog_die(), the only way to end the process early.
 *
 * Exit codes are those of sysexits.h. Cron and the other programs interpret
 * them: 75 means "try again"; all other codes from 64 to 78 need manual action.
 * Only main.c, prog.c and the signal handlers of stop.c and lmdb_guard.c, which
 * have no alternative, end the process; all other code returns.
 */
#ifndef COMMON_BASE_PROG_H
#define COMMON_BASE_PROG_H

/* The exit codes of sysexits.h that we use, with their meanings. */
enum exit_code {
	PROG_OK = 0,
	PROG_USAGE = 64,       /* the command line is wrong */
	PROG_DATA = 65,        /* input is truncated, malformed or incomplete */
	PROG_NOINPUT = 66,     /* no input at all, or a file is missing */
	PROG_UNAVAILABLE = 69, /* the CRM's answers are unusable */
	PROG_SOFTWARE = 70,    /* a bug in this program */
	PROG_CANTCREATE = 73,  /* an output file or folder cannot be made */
	PROG_IO = 74,          /* reading or writing failed: a full disk, ... */
	PROG_TEMPFAIL = 75,    /* a server is unreachable or busy: try again */
	PROG_NOPERM = 77,      /* a token or password is refused */
	PROG_CONFIG = 78,      /* the configuration is wrong */
};

/* The result of an operation on a file, a server or a queue; see retry.h. */
enum outcome {
	OUTCOME_DONE,
	OUTCOME_LATER, /* try again; the input is not the cause */
	OUTCOME_NEVER, /* trying again would not help */
};

/* Sets the name for messages (the last path component of argv0), opens
 * /dev/null for each closed standard descriptor so that no file gets its
 * number, and makes jansson use xmalloc(). Call it first. */
void prog_init(const char *argv0);

/* Returns the name set by prog_init(). Static. */
const char *prog_name(void);

/* Returns "1.2.3", from the Makefile. */
const char *prog_version(void);

/* Returns the path of another program of the project, "sink" or so, owned: the
 * one beside this program, with the same prefix; or its name alone if there is
 * none, which execvp() finds in PATH. */
char *prog_beside(const char *program) __attribute__((warn_unused_result));

/* Returns the folder into which profiles/, schema/ and so on are installed. */
const char *prog_datadir(void);

/* Returns the path of a folder of data files, owned. `installed` is its name
 * below the data folder ("profiles"), `source` its path in a checkout
 * ("poller/profiles"). A program in build/bin of a checkout uses the checkout's
 * files. */
char *prog_data(const char *installed, const char *source)
    __attribute__((warn_unused_result));

/* Flushes stdout. Returns PROG_OK, even if the reader has gone (`| head`), or
 * the code of syserr.h after a line on stderr. */
enum exit_code prog_flush(void);

/* Prints the usage text on stdout for -h and returns the result of
 * prog_flush(). */
int prog_help(const char *usage);

/* Sets the option that chose a mode, or NULL: usage errors then refer to the
 * help of that mode. It must stay valid. */
void prog_set_mode(const char *option);

/* Prints "name: MESSAGE; try 'name -h'" (or 'name --mode -h') on stderr and
 * returns PROG_USAGE. Control characters are masked as in the log. */
int prog_usage_error(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* Ends the process with PROG_SOFTWARE or PROG_TEMPFAIL after one line on
 * stderr. Only for failed allocations and broken invariants. */
_Noreturn void prog_die(enum exit_code code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* If set, prog_die() calls this instead of ending the process: tests use
 * longjmp. */
extern void (*prog_die_hook)(enum exit_code code);

#endif
