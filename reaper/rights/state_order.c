/*
 * state_order: see state_order.h. By root, folder and file are for the owner
 * of the state.
 */
#define _DEFAULT_SOURCE /* lchown */
#include "reaper/rights/state_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "common/records/forget_order.h"
#include "common/records/stream_files.h"

enum {
	WAIT_MS = 60000,
	PAUSE_MS = 100,
	/* What an aggregator has read since it forgot them, which is what they
	 * did later. */
	DONE_LATELY_MS = HOUR_MS,
};

bool
state_order_takes(const char *dir)
{
	char *path = xasprintf("%s/" STREAM_MDB, dir);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* It is the same for the same customer. */
static char *
order_path(const struct subject *s, const char *dir, const char *ending)
{
	return xasprintf("%s/" FORGET_FOLDER "/%s%s", dir, s->alias, ending);
}

static bool
exists(const struct subject *s, const char *dir, const char *ending)
{
	char *path = order_path(s, dir, ending);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* An aggregator that ran since the last time asked for has done it. */
static bool
was_done_lately(const struct subject *s, const char *dir)
{
	char *done = order_path(s, dir, FORGET_DONE);
	struct stat st;
	bool lately =
	    !exists(s, dir, FORGET_ENDING) && stat(done, &st) == 0 &&
	    clock_now_ms() - (int64_t)st.st_mtime * 1000 < DONE_LATELY_MS;

	free(done);
	return lately;
}

static void
remove_done(const struct subject *s, const char *dir)
{
	char *path = order_path(s, dir, FORGET_DONE);

	(void)unlink(path);
	free(path);
}

/* What a run that was killed had begun to write, with the id: nobody writes it
 * again when the order of a run before has been carried out meanwhile. */
static void
remove_unfinished(const struct subject *s, const char *dir)
{
	char *path = order_path(s, dir, FORGET_ENDING FILE_NEW);

	(void)unlink(path);
	free(path);
}

static int
give_to_owner(const char *dir, const char *path)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	return stat(dir, &st) != 0 || lchown(path, st.st_uid, st.st_gid) != 0
		   ? -1
		   : 0;
}

static enum exit_code
make_order_folder(const char *dir, struct buf *why)
{
	char *path = xasprintf("%s/" FORGET_FOLDER, dir);
	enum exit_code code = PROG_OK;

	if ((mkdir(path, S_IRWXU) != 0 && errno != EEXIST) ||
	    give_to_owner(dir, path) != 0)
		code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot make '%s'", path);
	free(path);
	return code;
}

/* An aggregator has the state open. Asked once, before there is an order: while
 * it carries one out it does not have it open all the time. */
static bool
is_running(const char *dir)
{
	char *path = xasprintf("%s/" STREAM_LOCK, dir);
	struct buf why = BUF_INIT;
	int fd = lock_take(path, &why);

	if (fd >= 0)
		lock_release(fd);
	buf_release(&why);
	free(path);
	return fd < 0;
}

/* Appends the chats of an order that still waits: the tables and files, which
 * told them, have forgotten them since. */
static void
add_waiting(const char *path, struct buf *chats)
{
	struct buf bytes = BUF_INIT, why = BUF_INIT;
	struct forget_order o;
	int rc = statefile_read(path, &bytes, &why);

	if (rc == 1 && forget_order_unpack(&o, bytes.data, bytes.len) == 0)
		buf_add(chats, o.chats.p, o.chats.len);
	else if (rc != 0)
		log_warn("the order '%s' cannot be read and is replaced; chats "
			 "of this customer that only it knew keep their names "
			 "in the state until they are closed",
		    path);
	buf_release(&bytes);
	buf_release(&why);
}

static void
pack_chats(const struct subject *s, struct buf *to)
{
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&s->chats, &i)) != NULL)
		pack_put_text(to, (struct text){ e->key, e->key_len });
}

static void
pack_order(const struct subject *s, const char *path, struct buf *bytes)
{
	struct forget_order order = {
		.tenant = { s->tenant, strlen(s->tenant) },
		.customer = { s->id, strlen(s->id) },
		.asked_at = s->asked_at,
		.alias = { s->alias, s->is_operator ? 0 : strlen(s->alias) },
	};
	struct buf chats = BUF_INIT;

	pack_chats(s, &chats);
	add_waiting(path, &chats);
	order.chats = (struct text){ chats.data, chats.len };
	forget_order_pack(&order, bytes);
	buf_release(&chats);
}

enum exit_code
state_order_write(
    const struct subject *s, const char *dir, int64_t *wait_ms, struct buf *why)
{
	char *path;
	enum exit_code code;
	struct buf bytes = BUF_INIT;

	*wait_ms = is_running(dir) ? WAIT_MS : 0;
	if (*wait_ms == 0 && was_done_lately(s, dir))
		return PROG_OK;
	remove_done(s, dir);
	path = order_path(s, dir, FORGET_ENDING);
	code = make_order_folder(dir, why);
	pack_order(s, path, &bytes);
	if (code == PROG_OK &&
	    (statefile_write(path, bytes.data, bytes.len, why) != 0 ||
		give_to_owner(dir, path) != 0))
		code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot write '%s'", path);
	buf_release(&bytes);
	free(path);
	return code;
}

enum exit_code
state_order_wait(
    const struct subject *s, const char *dir, int64_t wait_ms, struct buf *why)
{
	int64_t end = clock_mono_ms() + wait_ms;
	enum exit_code code = PROG_TEMPFAIL;

	while (exists(s, dir, FORGET_ENDING) && clock_mono_ms() < end &&
	       !stop_sleep(PAUSE_MS))
		continue;
	if (exists(s, dir, FORGET_ENDING))
		buf_setf(why,
		    "the state in '%s' has not forgotten them yet; start its "
		    "aggregator if it does not run, and run this again",
		    dir);
	else if (!exists(s, dir, FORGET_DONE))
		buf_setf(why,
		    "the order to forget them is gone from '%s', and nothing "
		    "says that it was carried out; run this again",
		    dir);
	else {
		remove_unfinished(s, dir);
		remove_done(s, dir);
		code = PROG_OK;
	}
	return code;
}
