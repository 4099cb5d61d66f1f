/*
 * store_examine: checks a state for damage. LMDB trusts its file: a damaged one
 * could crash this process, and with it the polls of other tenants, or give
 * wrong data. So a child process first reads all of it, compares each value
 * with its checksum, checks the lists of free pages, and, where the caller will
 * write, tries to change each page.
 */
#define _DEFAULT_SOURCE /* _exit and friends */

#include "poller/store/store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/xalloc.h"

static bool
is_sound(const MDB_val *key, const MDB_val *stored)
{
	MDB_val data;
	uint64_t sum;

	if (!store_without_sum(stored, &data))
		return false;
	memcpy(&sum, stored->mv_data, STORE_SUM_LEN);
	return sum == store_checksum(key, &data);
}

/* The head of a page in the file format of LMDB 0.9. LMDB copies a page before
 * changing it, and relies on these numbers without checking them. */
struct page_head {
	uint64_t number;
	uint16_t pad, flags, lower, upper;
};

/* Whether the head of the page that has this key is plausible. */
static bool
is_page_sound(MDB_txn *txn, const MDB_val *key)
{
	static uintptr_t map; /* its address; this process opens only one */
	struct page_head head;
	uintptr_t page;
	MDB_stat stat;

	if (mdb_env_stat(mdb_txn_env(txn), &stat) != 0)
		return false;
	page = (uintptr_t)key->mv_data / stat.ms_psize * stat.ms_psize;
	memcpy(&head, (const void *)page, sizeof head);
	page -= (uintptr_t)head.number * stat.ms_psize;
	if (map == 0)
		map = page;
	return page == map && head.lower >= sizeof head &&
	       head.lower <= head.upper && head.upper <= stat.ms_psize;
}

static int
examine_table(MDB_txn *txn, enum store_table t)
{
	MDB_cursor *cursor;
	MDB_val key, data, format = store_key("format");
	MDB_dbi dbi;
	int rc = mdb_dbi_open(txn, store_table_names[t], 0, &dbi);

	if (rc == 0 && t == STORE_META)
		rc = store_check_format(txn, dbi);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0)
		rc = mdb_cursor_open(txn, dbi, &cursor);
	if (rc != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
		if (!is_page_sound(txn, &key)) {
			rc = MDB_CORRUPTED;
			break;
		}
		if (t == STORE_META && mdb_cmp(txn, dbi, &key, &format) == 0)
			continue;
		if (!is_sound(&key, &data)) {
			rc = MDB_CORRUPTED;
			break;
		}
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The lists of free pages: each is a count and that many page numbers. LMDB
 * would write to any number that stands there. */
static int
examine_free_pages(MDB_env *env, MDB_txn *txn)
{
	enum { FREE_DBI = 0 };
	MDB_cursor *cursor;
	MDB_val key, data;
	MDB_envinfo info;
	size_t n, i, page;
	int rc = mdb_env_info(env, &info);

	if (rc == 0)
		rc = mdb_cursor_open(txn, FREE_DBI, &cursor);
	if (rc != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
		n = 0;
		if (data.mv_size >= sizeof n)
			memcpy(&n, data.mv_data, sizeof n);
		/* LMDB may leave unused room after the last one. */
		if (!is_page_sound(txn, &key) || key.mv_size != sizeof n ||
		    n == 0 || n >= data.mv_size / sizeof n)
			rc = MDB_CORRUPTED;
		for (i = 1; rc == 0 && i <= n; i++) {
			memcpy(&page, (char *)data.mv_data + i * sizeof page,
			    sizeof page);
			if (page < 2 || page > info.me_last_pgno)
				rc = MDB_CORRUPTED;
		}
		if (rc != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Deletes entries singly, so that LMDB changes each page of the tree. */
static int
delete_all(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, data;
	int rc = mdb_cursor_open(txn, dbi, &cursor);

	if (rc != 0)
		return rc;
	while (rc == 0 &&
	       (rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST)) == 0)
		rc = mdb_cursor_del(cursor, 0);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Makes the changes that a poll could make, and rolls them back: changing a
 * damaged page may write anywhere. */
static int
try_writing(MDB_env *env)
{
	MDB_dbi dbi[STORE_TABLES];
	MDB_txn *txn;
	int rc = mdb_txn_begin(env, NULL, 0, &txn), i;

	if (rc != 0)
		return rc;
	rc = store_open_tables(txn, dbi);
	for (i = 0; rc == 0 && i < STORE_TABLES; i++)
		rc = delete_all(txn, dbi[i]);
	mdb_txn_abort(txn);
	/* A map that is too small for this is no damage. */
	return rc == MDB_MAP_FULL || rc == MDB_TXN_FULL ? 0 : rc;
}

static int
examine_file(const char *path, unsigned flags)
{
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	int rc = store_open_env(path, flags, &env), i;

	if (rc == 0)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	for (i = 0; rc == 0 && i < STORE_TABLES; i++)
		rc = examine_table(txn, (enum store_table)i);
	if (rc == 0)
		rc = examine_free_pages(env, txn);
	/* A reader that is not ended would keep its pages in use for ever. */
	if (txn != NULL)
		mdb_txn_abort(txn);
	if (rc == 0 && (flags & MDB_RDONLY) == 0)
		rc = try_writing(env);
	if (env != NULL)
		mdb_env_close(env);
	return rc;
}

/* Assertions of LMDB print to standard error. Closed, its number would be that
 * of the next file, which is LMDB's own. */
static void
silence(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd == STDERR_FILENO)
		return;
	(void)dup2(fd, STDERR_FILENO);
	(void)close(fd);
}

/* What the child found, as its exit code; any other end is damage, too. */
enum verdict {
	VERDICT_SOUND,
	VERDICT_DAMAGED,
	VERDICT_OTHER_VERSION,
	VERDICT_SYSTEM_ERROR
};

static enum verdict
verdict_of(int rc)
{
	if (rc == 0)
		return VERDICT_SOUND;
	if (rc == MDB_VERSION_MISMATCH)
		return VERDICT_OTHER_VERSION;
	return rc > 0 ? VERDICT_SYSTEM_ERROR : VERDICT_DAMAGED;
}

_Noreturn static void
run_examiner(const char *path, unsigned flags)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL,
		SIGFPE };
	struct rlimit no_core = { 0, 0 };
	size_t i;

	for (i = 0; i < ARRAY_LEN(deadly); i++)
		(void)signal(deadly[i], SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	silence();
	_exit((int)verdict_of(examine_file(path, flags)));
}

int
store_examine(const char *path, unsigned flags)
{
	struct stat st;
	int status;
	pid_t pid;

	if (stat(path, &st) != 0 || st.st_size == 0)
		return 0;
	pid = fork();
	if (pid < 0)
		return errno;
	if (pid == 0)
		run_examiner(path, flags);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return errno;
	}
	if (!WIFEXITED(status))
		return MDB_CORRUPTED;
	switch (WEXITSTATUS(status)) {
	case VERDICT_SOUND:
	case VERDICT_SYSTEM_ERROR: /* the caller gets it when it opens it */
		return 0;
	case VERDICT_OTHER_VERSION:
		return MDB_VERSION_MISMATCH;
	default:
		return MDB_CORRUPTED;
	}
}
