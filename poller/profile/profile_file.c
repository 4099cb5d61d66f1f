/*
 * profile_file: see profile_file.h.
 */
#include "poller/profile/profile_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"

#define PRELUDE "prelude.jq"
#define FILE_MAX_BYTES ((size_t)1024 * 1024)

/* Relative to the program's folder: build/bin, or a level deeper for a build of
 * another name; tests are up to three levels deeper, such as
 * build/asan/tests/unit/poller/hooks; and PREFIX/bin. */
static const char *const places[] = {
	"../../poller/profiles",
	"../../../poller/profiles",
	"../../../../poller/profiles",
	"../../../../../poller/profiles",
	"../../../../../../poller/profiles",
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
read_profile_file(const char *path, struct buf *b, struct buf *why)
{
	size_t mark;
	int rc;

	b->max = FILE_MAX_BYTES;
	rc = file_read_path(path, O_NOCTTY, b);
	mark = parse_utf8_mark(buf_str(b), b->len);
	if (rc != 0) {
		(void)syserr_explain(
		    why, PROG_CONFIG, "cannot read profile '%s'", path);
	} else if (b->len != strlen(buf_str(b)) ||
		   !parse_is_utf8(buf_str(b), b->len)) {
		buf_setf(why, "profile '%s' is not UTF-8 text", path);
		rc = -1;
	} else {
		memmove(b->data, b->data + mark, b->len - mark);
		buf_cut(b, b->len - mark);
	}
	return rc;
}

static int
is_profile(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 3 && strcmp(e->d_name + len - 3, ".jq") == 0 &&
	       strcmp(e->d_name, PRELUDE) != 0;
}

/* Lists the profiles that exist. */
static void
explain_unknown_profile(const char *name, const char *dir, struct buf *why)
{
	struct dirent **found;
	int n = scandir(dir, &found, is_profile, alphasort), i;

	buf_setf(why, "there is no profile '%s'; there are ", name);
	for (i = 0; i < n; i++) {
		buf_addf(why, "%s%.*s", i > 0 ? ", " : "",
		    (int)strlen(found[i]->d_name) - 3, found[i]->d_name);
		free(found[i]);
	}
	if (n >= 0)
		free(found);
	buf_adds(why, n > 0 ? ", or give a path" : "none: give a path");
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
	if (strchr(name, '/') == NULL && access(path, F_OK) != 0 &&
	    has_prelude(dir)) {
		explain_unknown_profile(name, dir, why);
		rc = -1;
	} else if (read_profile_file(path, &f->text, why) != 0 ||
		   read_profile_file(prelude, &f->prelude, why) != 0) {
		rc = -1;
	}
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
	uint64_t h;

	h = checksum(0, f->prelude.data, f->prelude.len);
	h = checksum(h, f->text.data, f->text.len);
	return checksum(h, more, strlen(more));
}
