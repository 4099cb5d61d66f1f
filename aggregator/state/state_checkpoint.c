/*
 * state_checkpoint: state_commit(), and when and how what was committed goes
 * from the log into the file.
 *
 * LMDB writes whole pages, and the same ones again with each commit. So its
 * transaction stays open over many commits, each of which is made durable by an
 * entry in the log. Then a checkpoint commits the transaction, with the number
 * of the last commit in it, and restarts the log. A crash before that leaves a
 * log that is applied to the old file; a crash after it leaves entries that the
 * file has already, which their numbers show.
 *
 * A checkpoint is due when the log is full; when the transaction holds many
 * pages, which are memory; after LONGEST_MS, to keep a restart short; and when
 * nothing comes. A commit that finds one due needs no entry, because the
 * checkpoint makes it durable as well; so it does with a commit that is too
 * large for the log.
 *
 * The stream waits while a checkpoint writes; `tests/bench/run latency` shows
 * that as the longest time of all. What is written grows more slowly than the
 * time between two checkpoints, so few large ones are better than many small
 * ones. Without LMDB's syncs it would be quicker, but then LMDB's root could be
 * on the disk before the pages that it refers to.
 */
#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fault.h"

#define PAGES_MAX 30000 /* above 131,071 LMDB writes some out early */
#define LONGEST_MS 30000
#define IDLE_MS 1000

/* The most bytes by which the file grows between two checkpoints. */
#define ROOM ((size_t)256 << 20)

size_t
state_map_size(const struct state *s)
{
	struct rlimit addresses;
	struct stat st;
	size_t size = lstat(s->path, &st) == 0 ? (size_t)st.st_size : 0;

	if (getrlimit(RLIMIT_AS, &addresses) != 0 ||
	    addresses.rlim_cur == RLIM_INFINITY || size + 2 * ROOM > s->limit)
		return s->limit;
	return (size / ROOM + 2) * ROOM;
}

/* Only while nothing reads or writes. */
static void
grow_address_map(struct state *s)
{
	size_t size = state_map_size(s);
	int rc;

	if (size <= s->map || s->reading)
		return;
	rc = mdb_env_set_mapsize(s->env, size);
	if (rc != 0)
		state_fail(s, rc);
	s->map = size;
}

void
state_checkpoint(struct state *s)
{
	int64_t n = (int64_t)s->commits;
	int rc;

	if (!state_begin(s))
		return;
	state_apply_put(s->meta, STATE_COMMIT_NUMBER,
	    strlen(STATE_COMMIT_NUMBER), &n, sizeof n, 0);
	if (s->rc != 0)
		return;
	FAULT_POINT("aggregator.before_checkpoint");
	state_guard(s, true);
	rc = mdb_txn_commit(s->writer);
	state_guard(s, false);
	FAULT_POINT("aggregator.during_checkpoint");
	s->writer = NULL;
	state_dirty_pages_clear(&s->pages);
	if (rc == 0)
		rc = state_checksums_update(s);
	s->acknowledged.commits = s->commits;
	if (rc == 0 && state_acknowledged_sync(&s->acknowledged) == -1) {
		rc = errno;
		s->wrong_file = STREAM_ACKNOWLEDGED;
	}
	FAULT_POINT("aggregator.after_checkpoint");
	if (rc != 0)
		state_fail(s, rc);
	else
		state_log_restart(&s->log);
	if (rc == 0)
		grow_address_map(s);
}

static bool
is_checkpoint_due(const struct state *s, int64_t now)
{
	return s->log.fd < 0 || s->unlogged || s->pages.n > PAGES_MAX ||
	       (state_log_any(&s->log) && now - s->began_ms >= LONGEST_MS) ||
	       !state_log_has_room(&s->log, s->ops.len);
}

static void
log_changes(struct state *s, int64_t now)
{
	if (!state_log_any(&s->log))
		s->began_ms = now;
	if (s->log_thread == NULL)
		s->log_thread = state_log_thread_new(&s->log);
	state_log_thread_add(s->log_thread, s->commits, &s->ops);
	s->committing = true;
}

void
state_commit_begin(struct state *s)
{
	int64_t now = clock_mono_ms();

	(void)state_is_committed(s, true);
	if (s->rc != 0 || !s->changed)
		return;
	s->commits++;
	if (is_checkpoint_due(s, now))
		state_checkpoint(s);
	else
		log_changes(s, now);
	s->committed_ms = now;
	if (s->ops.cap > STATE_LOG_MAX / 8)
		buf_release(&s->ops);
	buf_clear(&s->ops);
	s->changed = s->unlogged = false;
	s->named = 0;
	s->version = 0;
}

bool
state_is_committed(struct state *s, bool wait)
{
	int error;

	if (!s->committing)
		return true;
	if (!state_log_thread_is_idle(s->log_thread, wait, &error))
		return false;
	s->committing = false;
	s->acknowledged.commits = s->commits;
	if (error != 0) {
		s->wrong_file = STREAM_LOG;
	} else if (state_acknowledged_write(&s->acknowledged) == -1) {
		error = errno;
		s->wrong_file = STREAM_ACKNOWLEDGED;
	}
	if (error != 0)
		state_fail(s, error);
	return true;
}

enum exit_code
state_commit_end(struct state *s, struct buf *why)
{
	(void)state_is_committed(s, true);
	return s->rc == 0 ? PROG_OK : state_explain(s, s->rc, why);
}

enum exit_code
state_commit(struct state *s, struct buf *why)
{
	state_commit_begin(s);
	return state_commit_end(s, why);
}

void
state_idle(struct state *s)
{
	if (s->rc == 0 && state_is_committed(s, false) && !s->changed &&
	    state_log_any(&s->log) &&
	    clock_mono_ms() - s->committed_ms >= IDLE_MS)
		state_checkpoint(s);
}
