/*
 * state_folder: see state_folder.h.
 */
#include "common/os/state_folder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"

#define PACKAGE_STATE "/var/lib/messaging-analytics"

/* The value of an environment variable that names a folder, or NULL. The
 * specification of XDG says that a relative path is ignored. */
static const char *
folder_of_env(const char *name)
{
	const char *path = getenv(name);

	return path != NULL && *path == '/' ? path : NULL;
}

static bool
is_own_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

/* NULL: the environment names no folder. */
static char *
choose_folder(const char *program)
{
	const char *xdg = folder_of_env("XDG_STATE_HOME");
	const char *home = folder_of_env("HOME");

	if (xdg != NULL)
		return xasprintf("%s/messaging-analytics/%s", xdg, program);
	if (is_own_folder(PACKAGE_STATE))
		return xasprintf(PACKAGE_STATE "/%s", program);
	if (home != NULL)
		return xasprintf(
		    "%s/.local/state/messaging-analytics/%s", home, program);
	return NULL;
}

/* mkdir -p. 0, or -1 with errno. */
static int
make_folders(char *path)
{
	char *slash = path;
	int rc = 0;

	while (rc == 0 && slash != NULL) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			rc = -1;
		if (slash != NULL)
			*slash = '/';
	}
	return rc;
}

char *
state_folder(const char *program, struct buf *why)
{
	char *path = choose_folder(program);

	if (path == NULL) {
		buf_setf(why, "neither XDG_STATE_HOME nor HOME is set");
		return NULL;
	}
	if (make_folders(path) == 0 && access(path, W_OK | X_OK) == 0)
		return path;
	(void)syserr_explain(
	    why, PROG_CANTCREATE, "cannot write to '%s'", path);
	free(path);
	return NULL;
}
