/*
 * live_events: see serve.h. The server's threads add views (each is a tenant's
 * data as one role sees them), and the watching thread removes them, so it can
 * read a view without the lock.
 */
#include "sink/serve/serve.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/http/event_topic.h"
#include "common/json/jsonw.h"
#include "common/os/notify.h"
#include "common/os/thread.h"
#include "sink/access/scope.h"
#include "sink/resources/chat_due.h"
#include "sink/resources/resource.h"

#define LOOK_MS 25
/* Checks less often if queries are slow, so that they take at most a tenth of
 * the time. */
#define PAUSE_FACTOR 9
/* Pause after the tables could not be read. */
#define FAILED_MS 5000
/* A stream ends after this time, and the browser reconnects. */
#define STREAM_MS (5 * MINUTE_MS)

/* Replaces an answer's id in an event that explains why there is no answer. */
#define PROBLEM "problem"

/* The data that the listeners with one role see. */
struct live_view {
	struct viewer viewer;
	struct event_topic *topic;
	bool made;          /* the first answer was made */
	int64_t state;      /* state of the tables at the last answer */
	char id[24];        /* id of the last answer, or PROBLEM */
	int64_t changes_at; /* when the answer changes although the tables do
			     * not */
	int64_t rests_ms;   /* monotonic; not checked before then */
	struct live_view *next;
};

struct live_events {
	pthread_t thread;
	struct db *db;
	int64_t timeout_ms;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* a view was added, or the end was requested */
	struct live_view *views;
	bool added, closing;
};

static struct event_topic *
find_topic(struct live_events *l, const struct viewer *viewer)
{
	struct live_view *v;
	struct event_topic *t;

	(void)pthread_mutex_lock(&l->lock);
	v = l->views;
	while (v != NULL && !scope_equals(&v->viewer, viewer))
		v = v->next;
	if (v == NULL) {
		v = xcalloc(1, sizeof *v);
		v->viewer = *viewer;
		v->topic = event_topic_open();
		v->next = l->views;
		l->views = v;
		l->added = true;
		(void)pthread_cond_signal(&l->changed);
	}
	t = event_topic_hold(v->topic);
	(void)pthread_mutex_unlock(&l->lock);
	return t;
}

void
live_events_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	struct viewer v;

	if (!serve_find_viewer(s, r, &v, a))
		return;
	if (!resource_check_names(NULL, 0, r, a) ||
	    !serve_write_down(s, &v, r, a, 0))
		return;
	serve_keep_viewer(&v, a);
	a->goes_on = serve_token_is_good;
	a->events = find_topic(s->live, &v);
	a->events_ms = STREAM_MS;
}

static void
free_view(struct live_view *v)
{
	event_topic_release(v->topic);
	free(v);
}

/* The lock must be held. */
static void
drop_idle_views(struct live_events *l)
{
	struct live_view *v, **at = &l->views;

	while ((v = *at) != NULL) {
		if (event_topic_is_idle(v->topic)) {
			*at = v->next;
			free_view(v);
		} else {
			at = &v->next;
		}
	}
}

/* Waits until the next check is due. Returns the first view; NULL at the
 * end. */
static struct live_view *
wait_for_views(struct live_events *l, int64_t ms)
{
	struct live_view *first;
	struct timespec end = thread_deadline(ms);

	(void)pthread_mutex_lock(&l->lock);
	while (!l->closing && !l->added &&
	       pthread_cond_timedwait(&l->changed, &l->lock, &end) == 0)
		continue;
	drop_idle_views(l);
	notify_idle();
	while (!l->closing && l->views == NULL)
		(void)pthread_cond_wait(&l->changed, &l->lock);
	l->added = false;
	first = l->closing ? NULL : l->views;
	(void)pthread_mutex_unlock(&l->lock);
	return first;
}

static struct question
question_of(const struct live_events *l, const struct live_view *v,
    struct web_answer *a)
{
	return (struct question){ .answer = a,
		.db = l->db,
		.viewer = v->viewer,
		.timeout_ms = l->timeout_ms,
		.format = SHEET_JSON };
}

/* Publishes the answer unless it equals the last one. */
static bool
make_answer(struct live_events *l, struct live_view *v)
{
	struct web_answer a = { .status = 200 };
	struct question q = question_of(l, v, &a);
	char id[sizeof v->id];
	/* The response is computed for a later time, so it misses no change. */
	bool done = chat_due_next(&q, &v->changes_at) && resource_now_write(&q);

	if (done)
		jsonw_close(&a.body);
	(void)snprintf(
	    id, sizeof id, "%016" PRIx64, checksum(0, a.body.data, a.body.len));
	if (done && strcmp(id, v->id) != 0) {
		memcpy(v->id, id, sizeof id);
		event_topic_publish(
		    v->topic, "now", id, a.body.data, a.body.len);
	}
	buf_release(&a.body);
	buf_release(&a.headers);
	return done;
}

/* Publishes once why there are no answers: otherwise listeners would consider
 * the last answer current. The next answer is published even if it equals the
 * last one. */
static void
tell_problem(struct live_view *v, const char *why)
{
	struct buf data = BUF_INIT;

	if (strcmp(v->id, PROBLEM) == 0)
		return;
	(void)snprintf(v->id, sizeof v->id, PROBLEM);
	v->made = false;
	jsonw_open(&data);
	jsonw_str(&data, "detail", why);
	jsonw_close(&data);
	event_topic_publish(v->topic, PROBLEM, v->id, data.data, data.len);
	buf_release(&data);
}

/* Sets *state to a number that changes whenever a row behind /api/v1/now of v's
 * tenant changes: a sum of counters that only grow. Returns false if the tables
 * cannot be read, which is logged. */
static bool
read_state(
    const struct live_events *l, const struct live_view *v, int64_t *state)
{
	struct web_answer unused = { .status = 200 };
	struct question q = question_of(l, v, &unused);
	struct db_rows *rows = NULL;
	bool asked = question_ask(&q,
	    "SELECT SUM(uses) FROM tenant_locks WHERE tenant = ?", NULL, 0,
	    &rows);

	*state = asked && db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(rows);
	buf_release(&unused.body);
	buf_release(&unused.headers);
	return asked;
}

/* Finds the state of the tables of v's tenant, which an earlier view may have
 * read. */
static bool
find_state(const struct live_events *l, const struct live_view *first,
    const struct live_view *v, int64_t *state)
{
	for (; first != v; first = first->next) {
		if (first->rests_ms == 0 &&
		    strcmp(first->viewer.tenant, v->viewer.tenant) == 0) {
			*state = first->state;
			return true;
		}
	}
	return read_state(l, v, state);
}

/* Returns false if the tables cannot be read. */
static bool
look_at_view(
    struct live_events *l, const struct live_view *first, struct live_view *v)
{
	int64_t state;

	if (!find_state(l, first, v, &state))
		return false;
	if (v->made && state == v->state && clock_now_ms() < v->changes_at)
		return true;
	if (!make_answer(l, v))
		return false;
	v->made = true;
	v->state = state;
	return true;
}

/* Pauses the tenant's views so long that nine tenths of the time remain for
 * other tenants. */
static void
let_tenant_rest(
    struct live_view *first, const struct live_view *failed, int64_t took_ms)
{
	int64_t ms = PAUSE_FACTOR * took_ms;
	int64_t end = clock_mono_ms() + (ms > FAILED_MS ? ms : FAILED_MS);
	struct live_view *v;

	for (v = first; v != NULL; v = v->next) {
		if (strcmp(v->viewer.tenant, failed->viewer.tenant) != 0)
			continue;
		v->rests_ms = end;
		tell_problem(v, "the database takes too long to answer");
	}
}

static int64_t
database_is_away(const struct live_events *l, struct live_view *first)
{
	struct live_view *v;

	for (v = first; v != NULL; v = v->next)
		tell_problem(v, db_outage(l->db));
	return -1;
}

/* Checks each view once unless it is paused: a tenant whose answer takes longer
 * than [serve] query_timeout delays no other. Returns the duration in ms,
 * without failures; -1 if the database is unreachable. */
static int64_t
look_for_changes(struct live_events *l, struct live_view *first)
{
	struct live_view *v;
	int64_t ms, took = 0;

	for (v = first; v != NULL; v = v->next) {
		ms = clock_mono_ms();
		if (ms < v->rests_ms)
			continue;
		v->rests_ms = 0;
		if (look_at_view(l, first, v))
			took += clock_mono_ms() - ms;
		else if (db_connected(l->db))
			let_tenant_rest(first, v, clock_mono_ms() - ms);
		else
			return database_is_away(l, first);
	}
	return took;
}

static void *
watch_tables(void *ctx)
{
	struct live_events *l = ctx;
	struct live_view *first;
	int64_t ms = 0, took;

	db_thread_begin();
	while ((first = wait_for_views(l, ms)) != NULL) {
		took = look_for_changes(l, first);
		ms = took < 0 ? FAILED_MS : PAUSE_FACTOR * took;
		ms = ms > LOOK_MS ? ms : LOOK_MS;
	}
	db_thread_end();
	return NULL;
}

struct live_events *
live_events_open(const struct db *db, int64_t timeout_ms)
{
	struct live_events *l = xcalloc(1, sizeof *l);
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&l->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	l->db = db_another(db);
	l->timeout_ms = timeout_ms;
	thread_must_start(&l->thread, "live", watch_tables, l);
	return l;
}

void
live_events_close(struct live_events *l)
{
	struct live_view *v;

	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->closing = true;
	(void)pthread_cond_signal(&l->changed);
	(void)pthread_mutex_unlock(&l->lock);
	(void)pthread_join(l->thread, NULL);
	while ((v = l->views) != NULL) {
		l->views = v->next;
		free_view(v);
	}
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_cond_destroy(&l->changed);
	db_close(l->db);
	free(l);
}
