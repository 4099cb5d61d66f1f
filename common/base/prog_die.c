/*
 * prog_die: the name of the program and its fatal end; see prog.h. Allocation
 * and logging need both, so nothing here allocates.
 */
#include "common/base/prog.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/log.h"

void (*prog_die_hook)(enum exit_code code);

static const char *name = "messaging-analytics";

void
prog_set_name(const char *s)
{
	name = s;
}

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

	/* No allocation here: memory may be what ran out. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s: fatal: %s\n", log_prefix(LOG_LEVEL_ERROR), name,
	    text);
	if (prog_die_hook != NULL)
		prog_die_hook(code);
	_exit((int)code);
}
