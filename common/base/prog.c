/*
 * prog: start and end, help, usage errors and data files; see prog.h.
 */
#include "common/base/prog.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"

void (*prog_die_hook)(enum exit_code code);

static const char *name = "messaging-analytics";

const char *
prog_name(void)
{
	return name;
}

_Noreturn void
prog_die(enum exit_code code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	/* Does not allocate: memory may have run out. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s: fatal: %s\n", log_prefix(LOG_LEVEL_ERROR), name,
	    text);
	if (prog_die_hook != NULL)
		prog_die_hook(code);
	_exit((int)code);
}

/* Without this, the next file or socket would get the number of a closed
 * standard descriptor, and log lines might be sent to the database. Opens
 * /dev/null in its place, in a mode in which every use fails as if it were
 * closed. */
static void
hold_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", modes[fd]) != fd)
			_exit(PROG_TEMPFAIL);
}

void
prog_init(const char *argv0)
{
	const char *slash;

	hold_descriptors();
	if (argv0 != NULL && argv0[0] != '\0') {
		slash = strrchr(argv0, '/');
		name = slash != NULL ? slash + 1 : argv0;
	}
	json_set_alloc_funcs(xmalloc, free);
}

enum exit_code
prog_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return PROG_OK;
	if (errno == EPIPE)
		return PROG_OK;
	return syserr_log(PROG_IO, "cannot write standard output");
}

int
prog_help(const char *usage)
{
	fputs(usage, stdout);
	return (int)prog_flush();
}

static const char *mode_option; /* NULL: none */

void
prog_set_mode(const char *option)
{
	mode_option = option;
}

int
prog_usage_error(const char *fmt, ...)
{
	struct buf text = BUF_INIT, masked = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	log_add_masked(&masked, buf_str(&text), text.len);
	fprintf(stderr, "%s%s: %s; try '%s%s%s -h'\n",
	    log_prefix(LOG_LEVEL_ERROR), prog_name(), buf_str(&masked),
	    prog_name(), mode_option != NULL ? " --" : "",
	    mode_option != NULL ? mode_option : "");
	buf_release(&text);
	buf_release(&masked);
	return PROG_USAGE;
}

/* How many levels above the program the root of a checkout may be: build/bin is
 * two levels down, build/asan/bin three. */
#define CHECKOUT_LEVELS 4

/* Returns the path of `source` in the checkout in which the program was built,
 * or NULL if it runs elsewhere. */
static char *
in_checkout(const char *source)
{
	char path[PATH_MAX], *slash, *found, *makefile;
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
	int up;

	if (len <= 0)
		return NULL;
	path[len] = '\0';
	for (up = 0; up <= CHECKOUT_LEVELS; up++) {
		slash = strrchr(path, '/');
		if (slash == NULL || slash == path)
			return NULL;
		*slash = '\0';
		makefile = xasprintf("%s/Makefile", path);
		found = xasprintf("%s/%s", path, source);
		if (access(makefile, R_OK) == 0 && access(found, R_OK) == 0) {
			free(makefile);
			return found;
		}
		free(makefile);
		free(found);
	}
	return NULL;
}

char *
prog_beside(const char *program)
{
	char path[PATH_MAX];
	const char *slash, *prefix;
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
	char *found;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	prefix = slash != NULL ? strstr(slash, "aggregator") : NULL;
	if (prefix != NULL) {
		found =
		    xasprintf("%.*s%s", (int)(prefix - path), path, program);
		if (access(found, X_OK) == 0)
			return found;
		free(found);
	}
	return xstrdup(program);
}

char *
prog_data(const char *installed, const char *source)
{
	char *path = in_checkout(source);

	if (path == NULL)
		path = xasprintf("%s/%s", prog_datadir(), installed);
	return path;
}
