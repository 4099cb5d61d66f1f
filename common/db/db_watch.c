/*
 * db_watch: tells a server that stands still from a statement that takes long,
 * for a transaction that gives up; see db_impl.h.
 *
 * An answer is waited for as long as libmariadb was told when it connected, and
 * nothing can be asked on that connection meanwhile. So a thread asks the
 * server by a connection of its own, from wait_timeout on: one that is at work
 * answers, be it by a refusal. When no answers come, the thread shuts down the
 * socket at which the transaction waits, for which the connection is lost then.
 *
 * The thread stays for the transactions that follow, and is not woken by them:
 * one that begins is due later than the thread looks next.
 */
#define _GNU_SOURCE /* F_DUPFD_CLOEXEC */

#include <fcntl.h>
#include <mysql.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/db_impl.h"
#include "common/os/thread.h"

enum {
	/* How long after wait_timeout the server is first asked: until then it
	 * may name a lock that was waited for as long. */
	LATE_MS = 5000,
	AGAIN_MS = 10000,
	/* So long it has for an answer, and so often it is asked in vain: what
	 * is at work for hours may keep others waiting for a moment. */
	ANSWER_MS = 10000,
	MISSES = 2,
};

/* No transaction is under way. */
#define NEVER INT64_MAX

struct db_watch {
	struct db *other; /* asks */
	int64_t first_ms; /* how long after its begin a transaction is due */
	pthread_t thread;
	pthread_mutex_t lock; /* of: */
	pthread_cond_t wake;
	int64_t due_ms; /* when the present transaction is */
	bool ended;
	int fd; /* a copy, which no other file can become; -1: none */
};

static void
wait_ms(struct db_watch *w, int64_t ms)
{
	const struct timespec end = thread_deadline(ms);

	(void)pthread_cond_timedwait(&w->wake, &w->lock, &end);
}

/* Whether the server answers; the lock is let go meanwhile. */
static bool
ask(struct db_watch *w)
{
	bool answers;

	(void)pthread_mutex_unlock(&w->lock);
	answers = db_answers(w->other);
	(void)pthread_mutex_lock(&w->lock);
	return answers;
}

static void
lose_connection(const struct db_watch *w)
{
	if (w->fd == -1)
		return;
	log_debug("database_stands_still", "why=\"%s\"", db_why(w->other));
	(void)shutdown(w->fd, SHUT_RDWR);
}

static void *
watch(void *ctx)
{
	struct db_watch *w = ctx;
	int64_t due = NEVER, next = 0, now;
	int misses = 0;
	bool answers;

	db_thread_begin();
	(void)pthread_mutex_lock(&w->lock);
	while (!w->ended) {
		now = clock_mono_ms();
		if (w->due_ms != due) {
			due = next = w->due_ms;
			misses = 0;
		}
		if (due == NEVER)
			next = now + w->first_ms;
		if (now < next) {
			wait_ms(w, next - now);
			continue;
		}
		answers = ask(w);
		next = clock_mono_ms() + AGAIN_MS;
		misses = answers ? 0 : misses + 1;
		if (misses >= MISSES && w->due_ms == due && !w->ended)
			lose_connection(w);
	}
	(void)pthread_mutex_unlock(&w->lock);
	db_thread_end();
	return NULL;
}

void
db_watch_connection(struct db *db)
{
	struct db_watch *w = db->watch;
	int fd = -1, old;

	if (w == NULL)
		return;
	if (db->my != NULL)
		fd = fcntl(mysql_get_socket(db->my), F_DUPFD_CLOEXEC, 0);
	(void)pthread_mutex_lock(&w->lock);
	old = w->fd;
	w->fd = fd;
	(void)pthread_mutex_unlock(&w->lock);
	if (old != -1)
		(void)close(old);
}

static void
free_watch(struct db_watch *w)
{
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	if (w->fd != -1)
		(void)close(w->fd);
	db_close(w->other);
	free(w);
}

static struct db_watch *
new_watch(const struct db *db)
{
	struct db_watch *w = xcalloc(1, sizeof *w);
	pthread_condattr_t attr;

	w->other = db_another(db);
	w->other->allowed_ms = 0;
	w->other->connect_ms = w->other->timeout_ms = ANSWER_MS;
	w->first_ms = db->wait_timeout_ms + LATE_MS;
	w->due_ms = NEVER;
	w->fd = -1;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	return w;
}

/* Without a thread the transaction waits for an answer as others do. */
static void
start_watch(struct db *db)
{
	struct db_watch *w = new_watch(db);
	struct buf why = BUF_INIT;

	if (thread_start(&w->thread, "db-watch", watch, w, &why) != PROG_OK) {
		log_debug("database_unwatched", "why=\"%s\"", buf_str(&why));
		free_watch(w);
		w = NULL;
	}
	buf_release(&why);
	db->watch = w;
	db_watch_connection(db);
}

static void
set_due(struct db_watch *w, int64_t ms)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->due_ms = ms;
	(void)pthread_mutex_unlock(&w->lock);
}

void
db_watch_begin(struct db *db)
{
	if (db->watch == NULL)
		start_watch(db);
	if (db->watch != NULL)
		set_due(db->watch, clock_mono_ms() + db->watch->first_ms);
}

void
db_watch_end(struct db *db)
{
	set_due(db->watch, NEVER);
}

void
db_watch_close(struct db *db)
{
	struct db_watch *w = db->watch;

	if (w == NULL)
		return;
	db->watch = NULL;
	(void)pthread_mutex_lock(&w->lock);
	w->ended = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	free_watch(w);
}
