/*
 * state_checksums: a checksum of each page of LMDB's file, one word a page, in
 * DIR/stream.sums. LMDB has none; without them a flipped bit in a key, or a
 * page from an earlier time or in the place of another, would be a wrong metric
 * that nobody notices.
 *
 * LMDB never changes a page that its last commit uses, but writes another one.
 * So the pages that a commit wrote are those that are in use after it and were
 * free before, and LMDB's lists of free pages show both. Only the meta page,
 * which has the root, is one of two in turns.
 *
 * All pages are checked when a state is opened, in the order of the file: some
 * GiB a second. A page that is not in use may hold anything.
 */
#define _DEFAULT_SOURCE

#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"
#include "common/os/notify.h"

#define METAS 2
#define RUN_PAGES 64 /* read at once */
#define BLOCK 512    /* words, written at once */

static bool
is_page_free(const struct state_bitmap *b, size_t page)
{
	return page / 64 < b->n &&
	       (b->words[page / 64] >> (page % 64) & 1) != 0;
}

static void
set_page_free(struct state_bitmap *b, size_t page)
{
	if (page / 64 < b->n)
		b->words[page / 64] |= UINT64_C(1) << (page % 64);
}

/* A list of LMDB is a count and that many page numbers. */
static int
add_free_list(struct state_bitmap *b, const MDB_val *data)
{
	size_t n, i, page;

	if (data->mv_size < sizeof n)
		return MDB_CORRUPTED;
	memcpy(&n, data->mv_data, sizeof n);
	if (n >= data->mv_size / sizeof n)
		return MDB_CORRUPTED;
	for (i = 1; i <= n; i++) {
		memcpy(&page, (const char *)data->mv_data + i * sizeof page,
		    sizeof page);
		if (page < METAS)
			return MDB_CORRUPTED;
		set_page_free(b, page);
	}
	return 0;
}

/* Finds the pages that the last commit does not use. An error as state_impl.h
 * says. */
static int
find_free_pages(struct state *s, size_t pages, struct state_bitmap *b)
{
	enum { FREE_DBI = 0 };
	MDB_txn *txn;
	MDB_cursor *c;
	MDB_val key, data;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	b->n = (pages + 63) / 64;
	b->words = xcalloc(b->n + 1, sizeof *b->words);
	state_guard(s, true);
	rc = mdb_cursor_open(txn, FREE_DBI, &c);
	if (rc == 0) {
		while (rc == 0 &&
		       (rc = mdb_cursor_get(c, &key, &data, MDB_NEXT)) == 0)
			rc = add_free_list(b, &data);
		mdb_cursor_close(c);
	}
	state_guard(s, false);
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The sizes of LMDB's file. */
static int
measure_lmdb_file(struct state *s, struct state_file *f)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	int rc = mdb_env_get_fd(s->env, &f->fd);

	if (rc == 0)
		rc = mdb_env_info(s->env, &info);
	if (rc == 0)
		rc = mdb_env_stat(s->env, &stat);
	if (rc == 0 && fstat(f->fd, &st) != 0)
		rc = errno;
	if (rc != 0)
		return rc;
	f->page = stat.ms_psize;
	f->pages = info.me_last_pgno + 1;
	f->there = (size_t)st.st_size / f->page;
	f->txn = info.me_last_txnid;
	return 0;
}

static uint64_t
page_sum(
    const struct state *s, const struct state_file *f, size_t n, const char *p)
{
	uint64_t at[2] = { s->acknowledged.seed, n };
	uint64_t sum = checksum(
	    checksum(s->acknowledged.seed, (const char *)at, sizeof at), p,
	    f->page);

	return sum == 0 ? 1 : sum; /* 0: the page has no checksum */
}

/* Calls back with the checksum of each page in a range. -1 with errno. */
static int
each_page_sum(struct state *s, const struct state_file *f, size_t from,
    size_t to, void (*on_sum)(struct state *s, size_t page, uint64_t sum))
{
	char *pages = xmalloc(RUN_PAGES * f->page);
	size_t n, i;
	int rc = 0;

	for (; rc == 0 && from < to; from += n) {
		notify_alive();
		n = to - from < RUN_PAGES ? to - from : RUN_PAGES;
		rc = file_read_at(f->fd, pages, n * f->page, from * f->page);
		for (i = 0; rc == 0 && i < n; i++)
			on_sum(s, from + i,
			    page_sum(s, f, from + i, pages + i * f->page));
	}
	free(pages);
	return rc;
}

static void
grow_sums(struct state_checksums *sums, size_t pages)
{
	size_t cap = (pages + BLOCK - 1) / BLOCK * BLOCK;

	if (cap <= sums->cap)
		return;
	sums->v = xrealloc(sums->v, cap, sizeof *sums->v);
	sums->changed =
	    xrealloc(sums->changed, cap / BLOCK, sizeof *sums->changed);
	memset(sums->v + sums->cap, 0, (cap - sums->cap) * sizeof *sums->v);
	memset(sums->changed + sums->cap / BLOCK, 0, (cap - sums->cap) / BLOCK);
	sums->cap = cap;
}

static void
store_page_sum(struct state *s, size_t page, uint64_t sum)
{
	s->sums.v[page] = sum;
	s->sums.changed[page / BLOCK] = true;
}

/* -1 with errno. */
static int
write_changed_sums(struct state_checksums *sums)
{
	size_t i, len = BLOCK * sizeof *sums->v;

	for (i = 0; i < sums->cap / BLOCK; i++) {
		if (!sums->changed[i])
			continue;
		if (file_write_at(
			sums->fd, sums->v + i * BLOCK, len, i * len) == -1)
			return -1;
		sums->changed[i] = false;
	}
	return fdatasync(sums->fd);
}

int
state_checksums_update(struct state *s)
{
	struct state_checksums *sums = &s->sums;
	struct state_bitmap old = sums->unused;
	size_t old_pages = sums->pages, from, to;
	struct state_file f;
	int rc = measure_lmdb_file(s, &f);

	if (rc == 0)
		rc = find_free_pages(s, f.pages, &sums->unused);
	if (rc != 0)
		return rc;
	grow_sums(sums, f.pages);
	if (each_page_sum(s, &f, 0, METAS, store_page_sum) == -1)
		rc = errno;
	for (from = METAS; rc == 0 && from < f.pages; from = to + 1) {
		for (to = from; to < f.pages &&
				!is_page_free(&sums->unused, to) &&
				(to >= old_pages || is_page_free(&old, to));)
			to++;
		if (to > from &&
		    each_page_sum(s, &f, from, to, store_page_sum) == -1)
			rc = errno;
	}
	free(old.words);
	sums->pages = f.pages;
	s->acknowledged.txn = f.txn;
	if (rc == 0 && write_changed_sums(sums) == -1) {
		rc = errno;
		s->wrong_file = STREAM_SUMS;
	}
	return rc;
}

static void
compare_page_sum(struct state *s, size_t page, uint64_t sum)
{
	/* The other meta page has the commit before. */
	if (page < METAS && page != (s->acknowledged.txn & 1))
		return;
	if (page < s->sums.cap && s->sums.v[page] == sum)
		return;
	XGROW(s->sums.wrong, s->sums.wrong_n, s->sums.wrong_cap);
	s->sums.wrong[s->sums.wrong_n++] = page;
}

int
state_checksums_check(struct state *s)
{
	struct state_checksums *sums = &s->sums;
	struct state_file f;
	size_t i;
	int rc = measure_lmdb_file(s, &f);

	if (rc != 0)
		return rc;
	if (each_page_sum(s, &f, 0, f.there < f.pages ? f.there : f.pages,
		compare_page_sum) == -1)
		return errno;
	for (i = 0; i < sums->wrong_n; i++)
		if (sums->wrong[i] < METAS)
			return MDB_CORRUPTED;
	rc = find_free_pages(s, f.pages, &sums->unused);
	for (i = 0; rc == 0 && i < sums->wrong_n; i++)
		if (!is_page_free(&sums->unused, sums->wrong[i]))
			rc = MDB_CORRUPTED;
	/* LMDB does not write pages that it took and freed in one commit. */
	for (i = f.there; rc == 0 && i < f.pages; i++)
		if (!is_page_free(&sums->unused, i))
			rc = MDB_CORRUPTED;
	sums->pages = f.pages;
	return rc;
}

int
state_checksums_open(struct state *s, bool make)
{
	struct state_checksums *sums = &s->sums;
	char *path = xasprintf("%s/" STREAM_SUMS, s->dir);
	struct buf b = BUF_INIT;
	int rc = 0;

	sums->fd =
	    file_open(path, O_RDWR | (make ? O_CREAT | O_TRUNC : 0), 0600);
	if (sums->fd < 0 || file_read_all(sums->fd, &b) == -1)
		rc = errno;
	if (b.len > 0) {
		grow_sums(sums, b.len / sizeof *sums->v);
		memcpy(
		    sums->v, b.data, b.len / sizeof *sums->v * sizeof *sums->v);
	}
	buf_release(&b);
	free(path);
	return rc;
}

void
state_checksums_release(struct state_checksums *sums)
{
	if (sums->fd >= 0)
		(void)close(sums->fd);
	free(sums->v);
	free(sums->changed);
	free(sums->wrong);
	free(sums->unused.words);
}

/* Undoes the last commit: copies the other meta page over its meta page. */
static int
copy_meta_page(const struct state_file *f)
{
	enum { HEAD = 16 }; /* bytes; they hold the number of the page */
	size_t last = (f->txn & 1) * f->page, other = f->page - last;
	char *page = xmalloc(f->page);
	int rc = file_read_at(f->fd, page, f->page, other);

	if (rc == 0)
		rc = file_write_at(
		    f->fd, page + HEAD, f->page - HEAD, last + HEAD);
	if (rc == 0)
		rc = fsync(f->fd);
	free(page);
	return rc;
}

/* If the process died between LMDB's commit and writing its checksums, the log
 * has all changes since the commit before, whose pages are all there. */
int
state_checksums_step_back(struct state *s, bool *stepped)
{
	struct state_file f;
	int rc = measure_lmdb_file(s, &f);

	*stepped = false;
	if (rc != 0 || f.txn == s->acknowledged.txn)
		return rc;
	if (f.txn != s->acknowledged.txn + 1)
		return MDB_CORRUPTED;
	*stepped = true;
	return copy_meta_page(&f) == -1 ? errno : 0;
}
