/*
 * lmdb_seal: see lmdb_seal.h.
 */
#include "common/lmdb/lmdb_seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "common/base/clock.h"
#include "common/digest/hash.h"

#define ATTRIBUTE "user.messaging.verified"

/* The value of the attribute; no padding. */
struct seal {
	uint64_t inode, size;
	int64_t written_s, written_ns;
	uint64_t commit;
	int64_t verified_ms;
	uint64_t sum; /* of the members above */
};

static bool
make_seal(int fd, uint64_t commit, int64_t verified_ms, struct seal *s)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	*s = (struct seal){ .inode = (uint64_t)st.st_ino,
		.size = (uint64_t)st.st_size,
		.written_s = (int64_t)st.st_mtim.tv_sec,
		.written_ns = (int64_t)st.st_mtim.tv_nsec,
		.commit = commit,
		.verified_ms = verified_ms };
	s->sum = checksum(0, s, offsetof(struct seal, sum));
	return true;
}

int64_t
lmdb_seal_get(int fd, uint64_t commit)
{
	int64_t now = clock_now_ms();
	struct seal have, want;

	if (fgetxattr(fd, ATTRIBUTE, &have, sizeof have) != sizeof have ||
	    !make_seal(fd, commit, have.verified_ms, &want) ||
	    memcmp(&have, &want, sizeof have) != 0)
		return 0;
	return have.verified_ms <= now && now - have.verified_ms < DAY_MS
		   ? have.verified_ms
		   : 0;
}

void
lmdb_seal_set(int fd, uint64_t commit, int64_t verified_ms)
{
	struct seal s;

	if (make_seal(fd, commit, verified_ms, &s))
		(void)fsetxattr(fd, ATTRIBUTE, &s, sizeof s, 0);
}

void
lmdb_seal_remove(int fd)
{
	(void)fremovexattr(fd, ATTRIBUTE);
}
