/*
 * staging_open: opens and closes the folder of the staging, empties it, and
 * removes what expired in it.
 */
#include "aggregator/snapshot/staging_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

#include "aggregator/state/state_lock.h"

#define VERSION_TEXT "aggregator 1\n"
#define EXPIRE_MS (7 * DAY_MS)

static int
check_staging_version(const struct staging *in, struct buf *why)
{
	char *path = xasprintf("%s/version", in->dir);
	struct buf text = BUF_INIT;
	int rc = statefile_read(path, &text, why);

	if (rc == 0) {
		rc = statefile_write(
		    path, VERSION_TEXT, strlen(VERSION_TEXT), why);
	} else if (rc == 1 && strcmp(buf_str(&text), VERSION_TEXT) != 0) {
		buf_setf(why,
		    "'%s' is not of a version this program knows; choose "
		    "another folder with --state",
		    in->dir);
		errno = 0;
		rc = -1;
	}
	buf_release(&text);
	free(path);
	return rc == -1 ? -1 : 0;
}

int
staging_open(struct staging *in, const char *dir, struct buf *why)
{
	in->dir = xstrdup(dir);
	in->lock = state_lock_take(dir, "lock", &in->code, why);
	if (in->lock == -1)
		return -1;
	if (check_staging_version(in, why) == -1 ||
	    staging_load(in, why) == -1) {
		in->code = errno == 0 ? PROG_DATA
				      : syserr_code(errno, PROG_CANTCREATE);
		return -1;
	}
	staging_expire(in);
	return 0;
}

void
staging_close(struct staging *in)
{
	strmap_release(&in->tenants, staging_tenant_free);
	flat_release(&in->flat);
	if (in->lock != -1)
		lock_release(in->lock);
	free(in->dir);
	in->dir = NULL;
}

enum outcome
staging_start_anew(struct staging *in)
{
	const struct strmap_entry *e;
	enum outcome o;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		/* The spool first: the other says what of it is published. */
		o = staging_remove_spool(in, e->value);
		if (o == OUTCOME_DONE)
			o = staging_remove_done(in, e->value);
		if (o != OUTCOME_DONE)
			return o;
		staging_clear_snapshot(e->value);
		staging_clear_done(e->value);
	}
	return OUTCOME_DONE;
}

void
staging_expire(struct staging *in)
{
	const struct strmap_entry *e;
	struct staging_tenant *t;
	struct stat st;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		if (t->id == NULL || stat(t->path, &st) == -1 ||
		    (int64_t)st.st_mtime * 1000 > clock_now_ms() - EXPIRE_MS)
			continue;
		log_warn("unfinished snapshot '%s' of tenant '%s' is removed: "
			 "nothing more of it came for a week",
		    t->id, t->name);
		if (staging_remove_spool(in, t) == OUTCOME_DONE)
			staging_clear_snapshot(t);
	}
}
