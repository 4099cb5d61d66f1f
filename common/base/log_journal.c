/*
 * log_journal: whether stderr is the journal of systemd, and the prefixes that
 * give lines their levels there; see log.h. prog_die() needs it without memory,
 * so nothing here allocates.
 */
#include "common/base/log.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Systemd says which device and inode the journal is (systemd.exec(5),
 * $JOURNAL_STREAM). */
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
	static atomic_int known = -1; /* not looked yet */

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
		[LOG_LEVEL_TRACE] = "<7>",
	};

	return is_journal() ? prefixes[level] : "";
}
