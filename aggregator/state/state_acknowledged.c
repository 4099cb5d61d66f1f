/*
 * state_acknowledged: DIR/stream.acknowledged, the number of the last commit
 * whose success was reported. It has two slots, written in turns and not synced
 * after each commit, so that a torn one leaves the other. A state may be newer
 * than this number, never older. So a last entry of the log that was torn while
 * it was written is distinguished from one that was lost later, and a file that
 * was put back from an earlier time is detected.
 */
#define _DEFAULT_SOURCE

#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"

#define SLOTS 2
#define SLOT_SIZE 512 /* a sector each */

struct ack_slot {
	char magic[8];
	uint64_t turn, seed, commits, txn;
	uint64_t sum; /* of what is above */
};

static const char slot_magic[8] = { 't', 'o', 'l', 'd', ' ', '2', ' ', '\n' };

static uint64_t
ack_slot_sum(const struct ack_slot *slot)
{
	return checksum(0, slot, offsetof(struct ack_slot, sum));
}

/* True if a program of another version wrote that slot. */
static bool
is_slot_of_other_version(const struct state_acknowledged *t, int i)
{
	enum { NAME = sizeof "told " - 1, NUMBER };
	char magic[sizeof slot_magic];

	return file_read_at(
		   t->fd, magic, sizeof magic, (size_t)i * SLOT_SIZE) == 0 &&
	       memcmp(magic, slot_magic, NAME) == 0 &&
	       magic[NAME] != slot_magic[NAME] &&
	       memcmp(magic + NUMBER, slot_magic + NUMBER,
		   sizeof magic - NUMBER) == 0;
}

/* Sets *found if the slot is whole. Returns 0, or the errno of a disk that does
 * not give it, which says nothing about the slot. */
static int
read_newer_slot(struct state_acknowledged *t, int i, bool *found)
{
	struct ack_slot slot;

	if (file_read_at(t->fd, &slot, sizeof slot, (size_t)i * SLOT_SIZE) ==
	    -1)
		return errno == ENODATA ? 0 : errno;
	if (memcmp(slot.magic, slot_magic, sizeof slot_magic) != 0 ||
	    slot.sum != ack_slot_sum(&slot))
		return 0;
	*found = true;
	if (slot.turn > t->turn) {
		t->turn = slot.turn;
		t->seed = slot.seed;
		t->commits = slot.commits;
		t->txn = slot.txn;
	}
	return 0;
}

/* States of an earlier version have it under another name. */
static int
rename_earlier_file(const char *dir, const char *path)
{
	char *earlier = xasprintf("%s/" STREAM_ACKNOWLEDGED_EARLIER, dir);
	int rc = access(path, F_OK) == 0 || rename(earlier, path) == 0 ||
			 errno == ENOENT
		     ? 0
		     : errno;

	free(earlier);
	return rc;
}

int
state_acknowledged_open(struct state *s, bool make)
{
	struct state_acknowledged *t = &s->acknowledged;
	char *path = xasprintf("%s/" STREAM_ACKNOWLEDGED, s->dir);
	bool found = false;
	int i, rc = make ? 0 : rename_earlier_file(s->dir, path);

	if (rc == 0)
		t->fd = file_open(
		    path, O_RDWR | (make ? O_CREAT | O_TRUNC : 0), 0600);
	if (rc == 0 && t->fd < 0)
		rc = errno;
	free(path);
	for (i = 0; i < SLOTS && rc == 0 && !make; i++)
		rc = read_newer_slot(t, i, &found);
	if (rc != 0 || make || found)
		return rc;
	return is_slot_of_other_version(t, 0) && is_slot_of_other_version(t, 1)
		   ? MDB_VERSION_MISMATCH
		   : MDB_CORRUPTED;
}

int
state_acknowledged_write(struct state_acknowledged *t)
{
	char sector[SLOT_SIZE] = { 0 };
	struct ack_slot slot = { .turn = ++t->turn,
		.seed = t->seed,
		.commits = t->commits,
		.txn = t->txn };

	memcpy(slot.magic, slot_magic, sizeof slot_magic);
	slot.sum = ack_slot_sum(&slot);
	memcpy(sector, &slot, sizeof slot);
	return file_write_at(t->fd, sector, sizeof sector,
	    (size_t)(t->turn % SLOTS) * SLOT_SIZE);
}

int
state_acknowledged_sync(struct state_acknowledged *t)
{
	if (state_acknowledged_write(t) == -1 ||
	    state_acknowledged_write(t) == -1)
		return -1;
	return fdatasync(t->fd);
}

void
state_acknowledged_release(struct state_acknowledged *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
}
