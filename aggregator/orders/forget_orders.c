/*
 * forget_orders: see forget_orders.h.
 */
#include "aggregator/orders/forget_orders.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

static bool
is_order(const char *name)
{
	size_t len = strlen(name), n = strlen(FORGET_ENDING);

	return len > n && strcmp(name + len - n, FORGET_ENDING) == 0;
}

/* NULL: there are none. */
static DIR *
open_orders(const char *state)
{
	char *dir = xasprintf("%s/" FORGET_FOLDER, state);
	DIR *d = opendir(dir);

	free(dir);
	return d;
}

/* The path of the next one, owned. NULL: there is none. */
static char *
next_order(const char *state, DIR *d)
{
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_order(e->d_name))
			return xasprintf(
			    "%s/" FORGET_FOLDER "/%s", state, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	return NULL;
}

/* False: it cannot be carried out. */
static bool
read_order_file(const char *path, struct strmap *unread, struct buf *bytes,
    struct forget_order *order)
{
	struct buf why = BUF_INIT;
	void **told;
	bool good = statefile_read(path, bytes, &why) == 1 &&
		    forget_order_unpack(order, bytes->data, bytes->len) == 0;

	if (!good) {
		told = strmap_put(unread, path, strlen(path));
		if (*told == NULL)
			log_warn(
			    "cannot read the erasure order in '%s'; remove it "
			    "and run 'reaper --forget' again: %s",
			    path, buf_str(&why));
		*told = unread;
	}
	buf_release(&why);
	return good;
}

bool
forget_orders_any(const char *state, struct strmap *unread)
{
	DIR *d = open_orders(state);
	struct buf bytes = BUF_INIT;
	struct forget_order order;
	bool any = false;
	char *path;

	while ((path = next_order(state, d)) != NULL) {
		any = read_order_file(path, unread, &bytes, &order) || any;
		buf_clear(&bytes);
		free(path);
	}
	buf_release(&bytes);
	return any;
}

void
forget_orders_read(
    const char *state, struct strmap *unread, struct forget_orders *to)
{
	DIR *d = open_orders(state);
	struct forget_order_file f;
	char *path;

	while ((path = next_order(state, d)) != NULL) {
		f = (struct forget_order_file){ .path = path };
		if (!read_order_file(path, unread, &f.bytes, &f.order)) {
			buf_release(&f.bytes);
			free(path);
			continue;
		}
		XGROW(to->file, to->n, to->cap);
		to->file[to->n++] = f;
	}
}

void
forget_orders_release(struct forget_orders *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		buf_release(&o->file[i].bytes);
		free(o->file[i].path);
	}
	free(o->file);
	memset(o, 0, sizeof *o);
}

static enum exit_code
remove_order(const char *path, struct buf *why)
{
	if ((unlink(path) == 0 && file_sync_folder_of(path) == 0) ||
	    errno == ENOENT)
		return PROG_OK;
	return syserr_explain(why, PROG_IO, "cannot remove '%s'", path);
}

static enum exit_code
report_done(const char *order, struct buf *why)
{
	int len = (int)(strlen(order) - strlen(FORGET_ENDING));
	char *path = xasprintf("%.*s" FORGET_DONE, len, order);
	enum exit_code code = PROG_OK;

	if (statefile_write(path, "", 0, why) != 0)
		code = syserr_explain(why, PROG_IO, "cannot write '%s'", path);
	free(path);
	return code;
}

enum exit_code
forget_orders_finish(const struct forget_orders *o, struct buf *why)
{
	enum exit_code code = PROG_OK;
	size_t i;

	/* The order last: it is done. */
	for (i = 0; i < o->n && code == PROG_OK; i++) {
		code = report_done(o->file[i].path, why);
		if (code == PROG_OK)
			code = remove_order(o->file[i].path, why);
	}
	return code;
}
