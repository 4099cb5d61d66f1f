/*
 * spool_mark: see spool_mark.h. A slot is a line of text, on a sector of its
 * own:
 *
 *   acknowledged TURN NUMBER SUM
 */
#include "poller/outbox/spool_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"

#define SECTOR 512
#define SLOTS_EACH 2

static const char *const names[SPOOL_MARKS] = { "acknowledged", "taken" };

static void
format_mark(
    char text[SECTOR], enum spool_mark_kind what, uint64_t turn, uint64_t n)
{
	int len;

	memset(text, ' ', SECTOR);
	text[SECTOR - 1] = '\n';
	len = snprintf(text, SECTOR, "%s %020" PRIu64 " %020" PRIu64,
	    names[what], turn, n);
	len += snprintf(text + len, SECTOR - (size_t)len, " %016" PRIx64,
	    checksum(0, text, (size_t)len));
	text[len] = ' ';
}

static size_t
mark_offset(enum spool_mark_kind what, uint64_t turn)
{
	return ((size_t)what * SLOTS_EACH + turn % SLOTS_EACH) * SECTOR;
}

/* Reads the newer slot of those that are whole; damaged: none is. Returns -1
 * with errno if the disk does not give one. */
static int
read_newest_mark(struct spool_mark *m, enum spool_mark_kind what)
{
	char text[SECTOR + 1], want[SECTOR];
	uint64_t turn, n, i;
	char *end;
	bool found = false;

	for (i = 0; i < SLOTS_EACH; i++) {
		if (file_read_at(m->fd, text, SECTOR, mark_offset(what, i)) ==
		    -1) {
			if (errno == ENODATA)
				continue;
			return -1;
		}
		text[SECTOR] = '\0';
		/* Whole means that writing its numbers gives the same text. */
		turn = strtoull(text + strlen(names[what]), &end, 10);
		n = strtoull(end, NULL, 10);
		format_mark(want, what, turn, n);
		if (memcmp(text, want, SECTOR) != 0 || turn % SLOTS_EACH != i)
			continue;
		if (!found || turn > m->turn[what]) {
			m->turn[what] = turn;
			m->n[what] = n;
		}
		found = true;
	}
	m->damaged |= !found;
	return 0;
}

/* Renames it into place when it is whole. */
static int
make_mark_file(struct spool_mark *m, const char *path)
{
	char *name = xasprintf("%s.new", path);
	int rc = -1;

	m->made = true;
	m->fd = file_open(name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (m->fd >= 0 && spool_mark_write(m, SPOOL_ACKNOWLEDGED, 0) == 0 &&
	    spool_mark_write(m, SPOOL_TAKEN, 0) == 0 && fsync(m->fd) == 0)
		rc = file_rename(name, path);
	free(name);
	return rc;
}

int
spool_mark_open(struct spool_mark *m, const char *path)
{
	memset(m, 0, sizeof *m);
	m->fd = file_open(path, O_RDWR | O_NOFOLLOW, 0);
	if (m->fd < 0)
		return errno == ENOENT ? make_mark_file(m, path) : -1;
	if (read_newest_mark(m, SPOOL_ACKNOWLEDGED) == -1)
		return -1;
	return read_newest_mark(m, SPOOL_TAKEN);
}

void
spool_mark_close(struct spool_mark *m)
{
	if (m->fd >= 0)
		(void)close(m->fd);
	m->fd = -1;
}

int
spool_mark_write(struct spool_mark *m, enum spool_mark_kind what, uint64_t n)
{
	uint64_t turn = m->turn[what] + 1;
	char text[SECTOR];

	format_mark(text, what, turn, n);
	if (file_write_at(m->fd, text, SECTOR, mark_offset(what, turn)) == -1)
		return -1;
	m->turn[what] = turn;
	m->n[what] = n;
	return 0;
}

int
spool_mark_sync(const struct spool_mark *m)
{
	return fdatasync(m->fd);
}
