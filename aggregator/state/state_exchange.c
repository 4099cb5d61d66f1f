/*
 * state_exchange: the files of a folder take the places of the state's, all or
 * none: the folder gets another name once it is whole, which is the commit
 * point; then its files are moved one by one, by whoever opens the state next
 * if need be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"

#include "aggregator/state/state_impl.h"

/* The last one is that of an earlier version, which may have been stopped. */
static const char *const files[] = { STREAM_MDB, STREAM_LOG, STREAM_SUMS,
	STREAM_ACKNOWLEDGED, STREAM_ACKNOWLEDGED_EARLIER };

static char *
path_in(const char *dir, const char *folder, const char *file)
{
	return xasprintf("%s/%s/%s", dir, folder, file);
}

static int
remove_in(const char *dir, const char *folder, const char *file)
{
	char *path = path_in(dir, folder, file);
	int rc = unlink(path) == 0 || errno == ENOENT ? 0 : -1;

	free(path);
	return rc;
}

static int
remove_folder(const char *dir, const char *folder)
{
	char *path = xasprintf("%s/%s", dir, folder);
	int rc = 0;

	if (access(path, F_OK) == 0 &&
	    (remove_in(dir, folder, STREAM_LOCK) != 0 || rmdir(path) != 0 ||
		file_sync_folder_of(path) != 0))
		rc = -1;
	free(path);
	return rc;
}

/* The file may have been moved before. */
static int
move_up(const char *dir, const char *file)
{
	char *from = path_in(dir, STATE_REWRITTEN, file);
	char *to = xasprintf("%s/%s", dir, file);
	int rc = rename(from, to) == 0 || errno == ENOENT ? 0 : -1;

	free(from);
	free(to);
	return rc;
}

int
state_exchange_clear(const char *dir)
{
	char *new;
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_LEN(files) && rc == 0; i++) {
		new = xasprintf("%s.new", files[i]);
		rc = remove_in(dir, STATE_UNFINISHED, files[i]);
		if (rc == 0)
			rc = remove_in(dir, STATE_UNFINISHED, new);
		free(new);
	}
	return rc == 0 ? remove_folder(dir, STATE_UNFINISHED) : rc;
}

int
state_exchange(const char *dir)
{
	char *from = xasprintf("%s/%s", dir, STATE_UNFINISHED);
	char *to = xasprintf("%s/%s", dir, STATE_REWRITTEN);
	int rc = file_rename(from, to);

	free(from);
	free(to);
	return rc == 0 ? state_exchange_finish(dir) : rc;
}

int
state_exchange_finish(const char *dir)
{
	char *lock = path_in(dir, STATE_REWRITTEN, STREAM_LOCK);
	size_t i;
	int rc = 0;

	if (access(lock, F_OK) == 0) {
		for (i = 0; i < ARRAY_LEN(files) && rc == 0; i++)
			rc = move_up(dir, files[i]);
		if (rc == 0)
			rc = file_sync_folder_of(lock);
	}
	free(lock);
	return rc == 0 ? remove_folder(dir, STATE_REWRITTEN) : rc;
}
