/*
 * inbox_load: reads back what the last run left in the folder of the inbox.
 */
#include "aggregator/inbox_store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/parse.h"
#include "common/statefile.h"
#include "common/xalloc.h"

#include "aggregator/spool.h"

#define SPOOL ".spool"
#define DONE ".done"

struct replay {
	struct inbox *in;
	struct inbox_tenant *t;
};

static int
replay_line(void *ctx, char *line, size_t len)
{
	struct replay *p = ctx;
	struct record *r = &p->in->record;
	struct buf why = BUF_INIT;
	int rc = record_parse(r, &p->in->flat, line, len, &why);

	buf_release(&why);
	if (rc == -1 || r->type != RECORD_SNAPSHOT) {
		p->t->lines++;
	} else if (r->state == SNAPSHOT_BEGIN) {
		free(p->t->id);
		p->t->id = text_dup(r->snapshot);
		p->t->at = r->at;
	} else {
		p->t->records = r->records;
	}
	return 0;
}

static void
replay_piece(void *ctx, const char *id, uint64_t line)
{
	struct replay *p = ctx;

	if (*id == '\0')
		return;
	p->t->run_id = xstrdup(id);
	p->t->run_line = line;
	inbox_end_run(p->t);
}

static int
read_done(struct inbox_tenant *t, struct buf *why)
{
	struct buf text = BUF_INIT;
	char *line, *nl;
	int rc = statefile_read(t->done_path, &text, why);

	for (line = text.data; rc == 1 && (nl = strchr(line, '\n')) != NULL;
	     line = nl + 1) {
		*nl = '\0';
		if (line == text.data) {
			if (parse_int(
				line, INT64_MIN, INT64_MAX, &t->done_at) == -1)
				t->done_at = CLOCK_NONE;
		} else if (t->done_n < INBOX_DONE) {
			t->done[t->done_n++] = xstrdup(line);
		}
	}
	buf_release(&text);
	return rc == -1 ? -1 : 0;
}

static bool
is_done(const struct inbox_tenant *t)
{
	size_t i;

	for (i = 0; i < t->done_n; i++)
		if (strcmp(t->done[i], t->id) == 0)
			return true;
	return false;
}

static int
load_tenant(struct inbox *in, const char *name, size_t len, struct buf *why)
{
	struct inbox_tenant *t = inbox_tenant(in, name, len);
	struct replay p = { in, t };
	struct spool_reader r = {
		.ctx = &p, .line = replay_line, .piece = replay_piece
	};

	inbox_forget(t);
	if (spool_read(t->path, &r, why) == -1)
		return -1;
	if (t->id != NULL && is_done(t)) {
		/* It died between the commit point and tidying up. */
		if (inbox_remove_spool(in, t) != OUTCOME_DONE)
			return -1;
		inbox_forget(t);
	}
	if (t->id != NULL)
		log_info("snapshot_resumed",
		    "tenant=%s snapshot=%s lines=%" PRIu64, t->name, t->id,
		    t->lines);
	return 0;
}

/* The length of a tenant's name when the file is NAME and suffix, else 0. */
static size_t
tenant_of(const char *file, const char *suffix)
{
	size_t len = strlen(file), end = strlen(suffix);

	if (len <= end || strcmp(file + len - end, suffix) != 0)
		return 0;
	return len - end;
}

static int
load_files(struct inbox *in, const char *suffix, struct buf *why)
{
	DIR *d = opendir(in->dir);
	const struct dirent *e;
	struct inbox_tenant *t;
	size_t len;
	int rc = 0;

	if (d == NULL) {
		buf_setf(
		    why, "cannot read '%s': %s", in->dir, log_errno(errno));
		return -1;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		len = tenant_of(e->d_name, suffix);
		if (len == 0)
			continue;
		if (strcmp(suffix, SPOOL) == 0) {
			rc = load_tenant(in, e->d_name, len, why);
		} else {
			t = inbox_tenant(in, e->d_name, len);
			rc = read_done(t, why);
		}
	}
	(void)closedir(d);
	return rc;
}

/* What is done first: it tells which spools are. */
int
inbox_load(struct inbox *in, struct buf *why)
{
	if (load_files(in, DONE, why) == -1)
		return -1;
	return load_files(in, SPOOL, why);
}
