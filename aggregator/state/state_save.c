/*
 * state_save: state_commit().
 *
 * LMDB writes whole pages, and the same ones again with each commit. So its
 * transaction stays open over many commits, whose changes go to the log one
 * after the other; that is what makes them durable. Then a checkpoint commits
 * the transaction, with the number of the last commit in it, and the log
 * begins anew. A crash before that leaves the log, which is applied to the
 * file as it was; a crash after it leaves entries that the file has already,
 * by their numbers.
 *
 * A checkpoint is due when the log is full, when the transaction holds many
 * pages, which are memory, after a while, for the sake of a short restart,
 * and when nothing comes. A commit that finds one due needs no entry: the
 * checkpoint makes it durable as well. So does what is too large for the log.
 *
 * It holds the stream up while it writes; `tests/bench/run latency` shows that
 * as the longest time of all. What is written grows more slowly than the time
 * between, so rare ones are better than small ones. Without LMDB's syncs it
 * would be quicker, but then its root could be on the disk before what it
 * leads to.
 */
#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

#define PAGES_MAX 30000 /* LMDB begins to write some out above 131,071 */
#define LONGEST_MS 30000
#define IDLE_MS 1000
#define PAGES_FIRST 1024

/* What the file grows by from one checkpoint to the next, at most. */
#define ROOM ((size_t)256 << 20)

/* A page is no longer than the distance of two slots' addresses, so it has
 * two at most. */
static uintptr_t *
find_page_slot(const struct state_pages *p, uintptr_t page)
{
	size_t i = (size_t)((page * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

	while (p->slots[i & p->mask] != 0 && p->slots[i & p->mask] != page)
		i++;
	return &p->slots[i & p->mask];
}

static void
grow_page_set(struct state_pages *p)
{
	struct state_pages old = *p;
	size_t i, n = p->slots == NULL ? PAGES_FIRST : 2 * (p->mask + 1);

	p->slots = xcalloc(n, sizeof *p->slots);
	p->mask = n - 1;
	for (i = 0; old.slots != NULL && i <= old.mask; i++)
		if (old.slots[i] != 0)
			*find_page_slot(p, old.slots[i]) = old.slots[i];
	free(old.slots);
}

bool
state_pages_add(struct state_pages *p, const void *value)
{
	uintptr_t page = (uintptr_t)value / STATE_LOG_PAGE;
	uintptr_t *slot;

	if (p->slots == NULL || 2 * p->n > p->mask)
		grow_page_set(p);
	slot = find_page_slot(p, page);
	if (*slot == page)
		return false;
	*slot = page;
	p->n++;
	return true;
}

static void
state_pages_clear(struct state_pages *p)
{
	if (p->n > 0)
		memset(p->slots, 0, (p->mask + 1) * sizeof *p->slots);
	p->n = 0;
}

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

/* Nothing reads or writes now. */
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
	state_guard(s, true);
	rc = mdb_txn_commit(s->writer);
	state_guard(s, false);
	s->writer = NULL;
	state_pages_clear(&s->pages);
	if (rc == 0)
		rc = state_sums_update(s);
	s->acknowledged.commits = s->commits;
	if (rc == 0 && state_acknowledged_sync(&s->acknowledged) == -1)
		rc = errno;
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
commit_changes(struct state *s)
{
	int64_t now = clock_mono_ms();

	s->commits++;
	if (is_checkpoint_due(s, now)) {
		state_checkpoint(s);
	} else {
		if (!state_log_any(&s->log))
			s->began_ms = now;
		s->acknowledged.commits = s->commits;
		if (state_log_add(&s->log, s->commits, &s->ops) == -1 ||
		    state_acknowledged_write(&s->acknowledged) == -1)
			state_fail(s, errno);
	}
	s->committed_ms = now;
	if (s->ops.cap > STATE_LOG_MAX / 8)
		buf_release(&s->ops);
	buf_clear(&s->ops);
	s->changed = s->unlogged = false;
	s->named = 0;
	s->version = 0;
}

enum exit_code
state_commit(struct state *s, struct buf *why)
{
	if (s->rc == 0 && s->changed)
		commit_changes(s);
	return s->rc == 0 ? PROG_OK : state_explain(s, s->rc, why);
}

void
state_idle(struct state *s)
{
	if (s->rc == 0 && !s->changed && state_log_any(&s->log) &&
	    clock_mono_ms() - s->committed_ms >= IDLE_MS)
		state_checkpoint(s);
}
