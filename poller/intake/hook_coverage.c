/*
 * hook_coverage: see hook_coverage.h.
 */
#include "poller/intake/hook_coverage.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

#define EVERY_MS MINUTE_MS
/* A longer pause is a gap. */
#define PAUSE_MS (3 * EVERY_MS)

struct covered_tenant {
	struct pending_request request; /* first member: done() gets it */
	struct hook_coverage *all;
	char *name;
	int64_t until;   /* end of the last statement that is safe */
	int64_t stating; /* end of the one that is under way; 0: none */
	bool kept;       /* `until` is in the store */
	struct buf lines;
};

struct hook_coverage {
	struct request_store *store; /* borrowed */
	struct buf note;             /* empty */
	pthread_mutex_t lock;        /* for the members below */
	struct covered_tenant **list;
	size_t n, cap;
};

/* Call it with the lock held. */
static struct covered_tenant *
find_tenant(const struct hook_coverage *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->list[i]->name, name) == 0)
			return c->list[i];
	return NULL;
}

static void
add_tenant(struct hook_coverage *c, const char *name, int64_t from)
{
	struct covered_tenant *t = xcalloc(1, sizeof *t);

	t->all = c;
	t->name = xstrdup(name);
	t->until = from;
	XGROW(c->list, c->n, c->cap);
	c->list[c->n++] = t;
}

static char *
store_key(const char *tenant)
{
	return xasprintf("covered %s", tenant);
}

struct hook_coverage *
hook_coverage_open(
    const struct conf *conf, struct request_store *store, int64_t now_ms)
{
	struct hook_coverage *c = xcalloc(1, sizeof *c);
	const char *name;
	int64_t until;
	size_t i;
	char *key;

	c->store = store;
	(void)pthread_mutex_init(&c->lock, NULL);
	for (i = 0; i < conf_tenants(conf); i++) {
		name = conf_tenant(conf, i);
		key = store_key(name);
		until = request_store_number(store, key);
		free(key);
		if (until > 0)
			add_tenant(c, name,
			    until <= now_ms && now_ms - until <= PAUSE_MS
				? until
				: now_ms);
	}
	return c;
}

void
hook_coverage_close(struct hook_coverage *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++) {
		free(c->list[i]->name);
		buf_release(&c->list[i]->lines);
		free(c->list[i]);
	}
	free(c->list);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

void
hook_coverage_note(struct hook_coverage *c, const char *tenant)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	if (find_tenant(c, tenant) == NULL)
		add_tenant(c, tenant, clock_now_ms());
	(void)pthread_mutex_unlock(&c->lock);
}

/* Called by the intake's keeper. */
static void
statement_done(struct pending_request *p, bool safe)
{
	struct covered_tenant *t = (struct covered_tenant *)p;

	(void)pthread_mutex_lock(&t->all->lock);
	if (safe) {
		t->until = t->stating;
		t->kept = false;
	}
	t->stating = 0;
	(void)pthread_mutex_unlock(&t->all->lock);
}

static void
add_line(struct covered_tenant *t, const char *kind, int64_t end)
{
	jsonw_open_record(&t->lines, "coverage", t->name);
	jsonw_str(&t->lines, "kind", kind);
	jsonw_time(&t->lines, "begin_at", t->until);
	jsonw_time(&t->lines, "end_at", end);
	jsonw_str(&t->lines, "source", "webhook");
	jsonw_line(&t->lines);
}

/* Call it with the lock held. The lines are not changed until the statement is
 * done. */
static void
state_tenant(struct covered_tenant *t, struct intake *in, int64_t now_ms)
{
	buf_clear(&t->lines);
	add_line(t, "chats", now_ms);
	add_line(t, "counts", now_ms);
	t->stating = now_ms;
	t->request = (struct pending_request){ .records = &t->lines,
		.note = &t->all->note,
		.done = statement_done };
	intake_put(in, &t->request);
}

/* Call it with the lock held. */
static bool
keep_times(struct hook_coverage *c)
{
	bool any = false;
	size_t i;
	char *key;

	for (i = 0; i < c->n; i++) {
		if (c->list[i]->kept)
			continue;
		if (!any)
			request_store_begin(c->store);
		any = c->list[i]->kept = true;
		key = store_key(c->list[i]->name);
		request_store_set_number(c->store, key, c->list[i]->until);
		free(key);
	}
	return any;
}

void
hook_coverage_state(struct hook_coverage *c, struct intake *in, int64_t now_ms)
{
	struct buf why = BUF_INIT;
	struct covered_tenant *t;
	bool any;
	size_t i;

	(void)pthread_mutex_lock(&c->lock);
	for (i = 0; i < c->n; i++) {
		t = c->list[i];
		if (t->stating == 0 && now_ms - t->until >= EVERY_MS)
			state_tenant(t, in, now_ms);
	}
	any = keep_times(c);
	(void)pthread_mutex_unlock(&c->lock);
	if (any && request_store_commit(c->store, &why) != 0)
		log_warn("%s", buf_str(&why));
	buf_release(&why);
}
