/*
 * inbox_load: reads back what the last run left in the folder of the inbox.
 */
#include "aggregator/inbox_store.h"

#include <dirent.h>
#include <errno.h>
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

static void
replay_begin(struct inbox_tenant *t, const struct record *r, unsigned part)
{
	if (t->id == NULL) {
		t->id = text_dup(r->snapshot);
		t->at = r->at;
	}
	inbox_begin_part(t, part);
	t->parts[part].done = inbox_is_done(t, r->snapshot, part);
}

/* The part of a line that is in the spool, as when it came. */
static unsigned
part_of(const struct replay *p, int parsed)
{
	const struct inbox *in = p->in;

	if (!p->t->spread)
		return INBOX_WHOLE;
	if (parsed == 0)
		return bucket_of_record(&in->record);
	return in->flat.n > 0 ? bucket_of_flat(&in->flat) : in->last_part;
}

static int
replay_line(void *ctx, char *line, size_t len)
{
	struct replay *p = ctx;
	struct inbox *in = p->in;
	struct record *r = &in->record;
	struct buf why = BUF_INIT;
	int rc;

	in->flat.n = 0;
	rc = record_parse(r, &in->flat, line, len, &why);
	buf_release(&why);
	if (rc == -1 || r->type != RECORD_SNAPSHOT) {
		in->last_part = part_of(p, rc);
		p->t->parts[in->last_part].lines++;
		return 0;
	}
	in->last_part =
	    r->bucket != RECORD_NO_NUMBER ? (unsigned)r->bucket : INBOX_WHOLE;
	if (r->state == SNAPSHOT_BEGIN)
		replay_begin(p->t, r, in->last_part);
	else
		p->t->parts[in->last_part].records = r->records;
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

/* A line of those that follow the first. */
static void
take_done(struct inbox_tenant *t, const char *line)
{
	struct inbox_done *d = &t->done[t->done_n];
	size_t len = strlen(INBOX_DONE_PARTS);
	char *end;

	if (t->done_n == INBOX_DONE)
		return;
	memset(d, 0, sizeof *d);
	if (strncmp(line, INBOX_DONE_PARTS, len) == 0) {
		d->spread = true;
		d->parts.chats = strtoull(line + len, &end, 16);
		d->parts.all = strncmp(end, " 1 ", 3) == 0;
		if (strncmp(end, " 1 ", 3) != 0 && strncmp(end, " 0 ", 3) != 0)
			return;
		line = end + 3;
	}
	d->id = xstrdup(line);
	t->done_n++;
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
		if (line != text.data)
			take_done(t, line);
		else if (parse_int(line, INT64_MIN, INT64_MAX, &t->done_at) ==
			 -1)
			t->done_at = CLOCK_NONE;
	}
	buf_release(&text);
	return rc == -1 ? -1 : 0;
}

/* Nothing of it is left to be published. */
static bool
is_done(const struct inbox_tenant *t)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(t->parts); i++)
		if (t->parts[i].begun && !t->parts[i].done)
			return false;
	return true;
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
		log_info("snapshot_resumed", "tenant=%s snapshot=%s", t->name,
		    t->id);
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
