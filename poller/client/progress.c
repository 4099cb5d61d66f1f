/*
 * progress: see progress.h. The cursor stays at the beginning of the line, so
 * that a log message overwrites it.
 */
#include "poller/client/progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#define EVERY_MS 200
#define ERASE "\r\033[K"

void
progress_init(struct progress *p)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ .next_ms = clock_mono_ms() + EVERY_MS };
	p->on = isatty(STDERR_FILENO) && term != NULL &&
		strcmp(term, "dumb") != 0 && log_get_level() > LOG_LEVEL_ERROR;
}

bool
progress_due(const struct progress *p)
{
	return p->on && clock_mono_ms() >= p->next_ms;
}

static void
write_terminal(const char *s, size_t len)
{
	ssize_t n = write(STDERR_FILENO, s, len);

	(void)n; /* a lost progress line does not matter */
}

void
progress_draw(struct progress *p, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	if (!p->on)
		return;
	buf_adds(&b, ERASE);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	buf_addc(&b, '\r');
	write_terminal(b.data, b.len);
	buf_release(&b);
	p->drawn = true;
	p->next_ms = clock_mono_ms() + EVERY_MS;
}

void
progress_end(struct progress *p)
{
	if (p->drawn)
		write_terminal(ERASE, strlen(ERASE));
	p->drawn = false;
}
