/*
 * staging_world: a staging in a folder of its own, and what it published and
 * refused, for its tests.
 */
#ifndef TESTS_STAGING_WORLD_H
#define TESTS_STAGING_WORLD_H

#include "tests/unit/tmpdir.h"

#include <stdio.h>
#include <time.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

#include "aggregator/snapshot/staging.h"
#include "aggregator/tenant/tenant_rows.h"

#define DIR_NAME "state"

/* Lines of snapshots of tenant t. */
#define TENANT "\"tenant\":\"t\","
#define IN_S1 TENANT "\"snapshot\":\"s1\","
#define MARK(state, id, at, more)                                              \
	"{\"type\":\"snapshot\"," TENANT "\"state\":\"" state                  \
	"\",\"snapshot\":\"" id "\",\"at\":\"2026-11-20T10:" at ":00Z\"" more  \
	"}"
#define BEGIN MARK("begin", "s1", "10", "")
#define END MARK("end", "s1", "10", ",\"records\":2")
#define OPERATOR                                                               \
	"{\"type\":\"operator\"," IN_S1 "\"operator\":\"7\",\"name\":\"Ann\"}"
#define CHAT "{\"type\":\"chat\"," IN_S1 "\"chat\":\"1\",\"status\":\"open\"}"

/* A staging, and what it did. */
struct world {
	struct staging staging;
	struct buf published; /* rows of the last publication */
	struct buf refused;   /* reasons, a line each */
	size_t publications;
	unsigned later; /* so many confirmations are put off, */
	unsigned firm;  /* after so many that are not */
	bool open;
	uint64_t connection; /* to the broker, of the lines added, */
	bool again;          /* which says that it sent them before */
	bool by_part;
	int64_t until;           /* no snapshot after it is taken; 0: all are */
	struct bucket_set parts; /* of the last publication */
	struct strmap
	    published_parts; /* snapshot -> its parts that were published */
};

static struct metric_selection selection;
static struct pipeline_setup setup = { .selection = &selection };

static enum outcome
refuse(void *ctx, const char *line, size_t len, const char *reason)
{
	struct world *w = ctx;

	(void)line;
	(void)len;
	buf_addf(&w->refused, "%s\n", reason);
	return OUTCOME_DONE;
}

static int
add_line(void *ctx, const char *line, size_t len)
{
	buf_add(ctx, line, len);
	buf_addc(ctx, '\n');
	return 0;
}

static void
note_parts(struct world *w, const struct intake_tenant *t,
    const struct bucket_set *wanted)
{
	struct bucket_set *parts;
	char *key;
	void **slot;

	w->parts = (struct bucket_set){ .all = false };
	if (wanted == NULL)
		return;
	key = xasprintf("%s %s", t->name, t->whole->id);
	slot = strmap_put(&w->published_parts, key, strlen(key));
	if (*slot == NULL)
		*slot = xcalloc(1, sizeof *parts);
	parts = *slot;
	parts->chats |= wanted->chats;
	parts->all |= wanted->all;
	w->parts = *wanted;
	free(key);
}

static bool
takes(void *ctx, const struct record *begin, struct buf *why)
{
	const struct world *w = ctx;

	buf_adds(why, "ahead");
	return w->until == 0 || begin->at <= w->until;
}

static enum outcome
publish(void *ctx, struct intake *in)
{
	struct world *w = ctx;
	struct tenant_rows r;
	struct intake_tenant **list;
	size_t n;

	list = intake_tenants(in, &n);
	assert_int_equal(n, 1);
	assert_non_null(list[0]->whole);
	note_parts(w, list[0], in->wanted);
	buf_clear(&w->published);
	tenant_rows_init(&r, &list[0]->whole->pipeline, &definition_ours,
	    list[0]->whole->id, list[0]->whole->end_at);
	assert_int_equal(tenant_rows_ndjson(&r, add_line, &w->published), 0);
	tenant_rows_release(&r);
	free(list);
	w->publications++;
	return OUTCOME_DONE;
}

static enum outcome
confirm(void *ctx)
{
	struct world *w = ctx;

	if (w->firm > 0 || w->later == 0) {
		w->firm -= w->firm > 0;
		return OUTCOME_DONE;
	}
	w->later--;
	return OUTCOME_LATER;
}

static int
try_open(struct world *w, struct buf *why)
{
	memset(&w->staging, 0, sizeof w->staging);
	if (setup.conf == NULL)
		setup.conf = conf_load("/dev/null", why);
	assert_non_null(setup.conf);
	w->staging.setup = &setup;
	w->staging.by_part = w->by_part;
	w->staging.ctx = w;
	w->staging.refuse = refuse;
	w->staging.takes = takes;
	w->staging.publish = publish;
	w->staging.confirm = confirm;
	return staging_open(&w->staging, DIR_NAME, why);
}

static void
start(struct world *w)
{
	struct buf why = BUF_INIT;

	if (try_open(w, &why) == -1)
		fail_msg("%s", buf_str(&why));
	w->open = true;
}

/* Killed: nothing is flushed. */
static void
stop(struct world *w)
{
	if (w->open)
		staging_close(&w->staging);
	w->open = false;
}

static void
flush(struct world *w)
{
	enum outcome o;

	while ((o = staging_flush(&w->staging)) == OUTCOME_LATER)
		continue;
	assert_int_equal(o, OUTCOME_DONE);
}

static enum outcome
add_once(struct world *w, const char *id, uint64_t number, const char *line)
{
	const struct staging_source from = { id, number, w->connection,
		w->again };
	struct buf b = BUF_INIT;
	enum outcome o;

	/* 64 readable bytes behind it */
	buf_adds(&b, line);
	buf_room(&b, 64);
	o = staging_add(&w->staging, b.data, strlen(line), &from);
	buf_release(&b);
	return o;
}

static void
add(struct world *w, const char *id, uint64_t number, const char *line)
{
	enum outcome o;

	while ((o = add_once(w, id, number, line)) == OUTCOME_LATER)
		continue;
	assert_int_equal(o, OUTCOME_DONE);
}

static int
clean(void **state)
{
	struct world *w = *state;

	stop(w);
	if (w->published.data != NULL)
		buf_clear(&w->published);
	buf_clear(&w->refused);
	strmap_release(&w->published_parts, free);
	w->publications = 0;
	w->later = w->firm = 0;
	w->by_part = false;
	w->until = 0;
	w->connection = 0;
	w->again = false;
	tmpdir_empty(DIR_NAME);
	(void)rmdir(DIR_NAME);
	return 0;
}

static int
enter(void **state)
{
	static struct world w;

	if (tmpdir_enter(state) != 0)
		return -1;
	free(*state);
	*state = &w;
	log_set_level(LOG_LEVEL_ERROR);
	return 0;
}

static int
leave(void **state)
{
	struct world *w = *state;
	char *dir = xmalloc(4096);

	clean(state);
	buf_release(&w->published);
	buf_release(&w->refused);
	*state = getcwd(dir, 4096);
	return tmpdir_leave(state);
}

/* What the rows are of, for main(). */
static bool
world_choose(void)
{
	static char chats[] = "chats", operators[] = "operators";
	char *const names[] = { operators, chats, NULL };
	struct buf why = BUF_INIT;
	int rc = metric_selection_parse(&selection, names, &why);

	buf_release(&why);
	return rc == 0;
}

#define STAGING_TEST(f) cmocka_unit_test_setup_teardown(f, clean, clean)

#endif
