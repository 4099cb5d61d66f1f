/*
 * profile_file: see profile_file.h.
 */
#include "poller/profile_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/fnv.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/prog.h"
#include "common/xalloc.h"

#define PRELUDE "prelude.jq"
#define FILE_MAX_BYTES ((size_t)1024 * 1024)

/* From the folder the program is in: build/bin, or a build of another name a
 * level deeper, the same for tests, or PREFIX/bin. */
static const char *const places[] = {
	"../../poller/profiles",
	"../../../poller/profiles",
	"../../../../poller/profiles",
	"../share/messaging-analytics/profiles",
};

static bool
has_prelude(const char *dir)
{
	char *path = xasprintf("%s/%s", dir, PRELUDE);
	bool yes = access(path, R_OK) == 0;

	free(path);
	return yes;
}

char *
profile_file_dir(void)
{
	char exe[PATH_MAX], *slash, *dir;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	size_t i;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	for (i = 0; slash != NULL && i < ARRAY_LEN(places); i++) {
		dir = xasprintf("%.*s/%s", (int)(slash - exe), exe, places[i]);
		if (has_prelude(dir))
			return dir;
		free(dir);
	}
	return xasprintf("%s/profiles", prog_datadir());
}

static int
read_file(const char *path, struct buf *b, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = -1;

	b->max = FILE_MAX_BYTES;
	if (fd >= 0)
		rc = file_read_all(fd, b);
	if (rc != 0) {
		buf_setf(why, "cannot read profile '%s': %s", path,
		    log_errno(errno));
	} else if (b->len != strlen(buf_str(b)) ||
		   !parse_is_utf8(buf_str(b), b->len)) {
		buf_setf(why, "profile '%s' is no UTF-8 text", path);
		rc = -1;
	}
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

int
profile_file_read(struct profile_file *f, const char *name, struct buf *why)
{
	char *dir = profile_file_dir();
	char *prelude = xasprintf("%s/%s", dir, PRELUDE);
	char *path = strchr(name, '/') != NULL
			 ? xstrdup(name)
			 : xasprintf("%s/%s.jq", dir, name);
	int rc = 0;

	*f = (struct profile_file){ BUF_INIT, BUF_INIT };
	if (read_file(path, &f->text, why) != 0 ||
	    read_file(prelude, &f->prelude, why) != 0)
		rc = -1;
	free(path);
	free(prelude);
	free(dir);
	return rc;
}

void
profile_file_release(struct profile_file *f)
{
	buf_release(&f->prelude);
	buf_release(&f->text);
}

uint64_t
profile_file_version(const struct profile_file *f, const char *more)
{
	uint64_t h = FNV_START;

	h = fnv_add(h, f->prelude.data, f->prelude.len);
	h = fnv_add(h, f->text.data, f->text.len);
	return fnv_add(h, more, strlen(more));
}
