/*
 * log: writes events to stderr, one line each; see log.h.
 */
#include "common/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unistr.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/prog.h"

/* prog_die() needs the prefix when memory may have run out, so nothing here
 * allocates. systemd sets $JOURNAL_STREAM to the device and inode of the
 * journal (systemd.exec(5)). */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	(void)snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

static bool
is_journal(void)
{
	static atomic_int known = -1; /* not determined yet */

	if (known < 0)
		known = stderr_is_journal();
	return known != 0;
}

const char *
log_prefix(enum log_level level)
{
	static const char *const prefixes[] = {
		[LOG_LEVEL_ERROR] = "<3>",
		[LOG_LEVEL_WARN] = "<4>",
		[LOG_LEVEL_INFO] = "<6>",
		[LOG_LEVEL_DEBUG] = "<7>",
	};

	return is_journal() ? prefixes[level] : "";
}

#define LOG_LINE 2048

/* Log lines in a file have a time. A terminal, a journal and the mail of cron
 * show when a line appeared. */
static bool
stderr_is_file(void)
{
	static atomic_int known = -1; /* not determined yet */
	struct stat st;

	if (known < 0)
		known = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	return known != 0;
}

static int shown = -1; /* an enum log_level; -1: not determined yet */
static bool stamped;

void
log_set_verbosity(bool quiet, int verbose)
{
	if (quiet)
		shown = LOG_LEVEL_ERROR;
	else if (verbose > 0)
		shown = verbose > 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

static bool
is_shown(enum log_level level)
{
	if (shown < 0)
		shown = isatty(STDERR_FILENO) ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
	return (int)level <= shown;
}

void
log_stamp(bool on)
{
	stamped = on && *log_prefix(LOG_LEVEL_INFO) == '\0';
}

bool
log_masks(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x200E ||
	       c == 0x200F || (c >= 0x2028 && c < 0x202F) ||
	       (c >= 0x2066 && c < 0x206A) || c == 0xFEFF;
}

void
log_add_masked(struct buf *to, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + len;
	ucs4_t c;
	int n;

	while (p < end && to->len < LOG_LINE - 16) {
		n = u8_mbtoucr(&c, p, (size_t)(end - p));
		if (n > 0 && !log_masks(c)) {
			buf_add(to, p, (size_t)n);
			p += n;
			continue;
		}
		for (n = n > 0 ? n : 1; n > 0; n--)
			buf_addf(to, "\\x%02X", *p++);
	}
	if (p < end)
		buf_adds(to, "...");
}

void
log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	struct buf line = BUF_INIT, text = BUF_INIT;
	char now[CLOCK_TEXT];
	int saved = errno;
	size_t done = 0;
	va_list ap;
	ssize_t n;

	if (!is_shown(level))
		return;
	buf_adds(&line, log_prefix(level));
	if (stamped || stderr_is_file()) {
		clock_format(clock_now_ms(), now);
		buf_addf(&line, "%s ", now);
	}
	buf_addf(&line, "%s: ", prog_name());
	if (event != NULL)
		buf_addf(&line, "%s%s", event, fmt[0] != '\0' ? " " : "");
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	log_add_masked(&line, buf_str(&text), text.len);
	buf_addc(&line, '\n');
	while (done < line.len) {
		n = write(STDERR_FILENO, line.data + done, line.len - done);
		if (n <= 0)
			break; /* there is nobody to report it to */
		done += (size_t)n;
	}
	buf_release(&line);
	buf_release(&text);
	errno = saved;
}

const char *
log_errno(int err)
{
	return strerror(err);
}

bool
log_is_due(atomic_llong *due, int64_t pause_ms)
{
	long long at = atomic_load(due);
	int64_t now = clock_mono_ms();

	return now >= at &&
	       atomic_compare_exchange_strong(due, &at, now + pause_ms);
}
