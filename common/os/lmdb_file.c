/*
 * lmdb_file: see lmdb_file.h.
 */
#define _DEFAULT_SOURCE /* sigaction's flags */

#include "common/os/lmdb_file.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/digest/checksum.h"
#include "common/os/notify.h"

/* The value of LMDB_DIGEST. */
struct digest {
	uint64_t sum;    /* checksums of all entries, added modulo 2^64 */
	uint64_t number; /* LMDB's number of the commit */
};

/* The verification of a table. */
struct verify {
	MDB_txn *txn;
	MDB_dbi dbi;
	bool meta;
	uint64_t seed;
	size_t page;  /* page size in bytes */
	MDB_val last; /* the previous key */
	size_t n;
};

uint64_t
lmdb_seed(const char *table)
{
	return checksum(0, table, strlen(table));
}

uint64_t
lmdb_sum(uint64_t seed, const MDB_val *key, const void *data, size_t len)
{
	return checksum(checksum(seed, key->mv_data, key->mv_size), data, len);
}

uint64_t
lmdb_stored_sum(const MDB_val *stored)
{
	uint64_t sum = 0;

	if (stored->mv_size >= LMDB_SUM_LEN)
		memcpy(&sum, stored->mv_data, LMDB_SUM_LEN);
	return sum;
}

bool
lmdb_unwrap(uint64_t seed, const MDB_val *key, MDB_val *v)
{
	uint64_t sum = lmdb_stored_sum(v);

	if (v->mv_size < LMDB_SUM_LEN)
		return false;
	v->mv_data = (char *)v->mv_data + LMDB_SUM_LEN;
	v->mv_size -= LMDB_SUM_LEN;
	return sum == lmdb_sum(seed, key, v->mv_data, v->mv_size);
}

int
lmdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, uint64_t sum,
    const void *data, size_t len)
{
	MDB_val room = { LMDB_SUM_LEN + len, NULL };
	int rc = mdb_put(txn, dbi, key, &room, MDB_RESERVE);

	if (rc != 0)
		return rc;
	memcpy(room.mv_data, &sum, LMDB_SUM_LEN);
	if (len > 0)
		memcpy((char *)room.mv_data + LMDB_SUM_LEN, data, len);
	return 0;
}

static MDB_val
digest_key(void)
{
	return (MDB_val){ strlen(LMDB_DIGEST), (void *)(uintptr_t)LMDB_DIGEST };
}

int
lmdb_put_digest(MDB_txn *txn, MDB_dbi meta, uint64_t sum)
{
	struct digest d = { sum, mdb_txn_id(txn) };
	MDB_val key = digest_key();

	return lmdb_put(txn, meta, &key,
	    lmdb_sum(lmdb_seed(LMDB_META), &key, &d, sizeof d), &d, sizeof d);
}

int
lmdb_get_digest(MDB_txn *txn, MDB_dbi meta, uint64_t *sum, uint64_t *number)
{
	MDB_val key = digest_key(), v;
	struct digest d;
	int rc = mdb_get(txn, meta, &key, &v);

	if (rc != 0)
		return rc;
	if (!lmdb_unwrap(lmdb_seed(LMDB_META), &key, &v) ||
	    v.mv_size != sizeof d)
		return MDB_CORRUPTED;
	memcpy(&d, v.mv_data, sizeof d);
	*sum = d.sum;
	*number = d.number;
	return 0;
}

/* ---- verification ---- */

/* True if a search finds this key in this place. */
static bool
is_found(const struct verify *v, const MDB_val *key, const void *stored)
{
	MDB_val k = *key, found;

	return mdb_get(v->txn, v->dbi, &k, &found) == 0 &&
	       (stored == NULL || found.mv_data == stored);
}

static bool
is_on_other_page(const struct verify *v, const MDB_val *key)
{
	return v->last.mv_data == NULL ||
	       (uintptr_t)key->mv_data / v->page !=
		   (uintptr_t)v->last.mv_data / v->page;
}

/* True if the entry follows the previous one, and a search finds both where
 * inner pages separate them. */
static bool
is_in_place(const struct verify *v, const MDB_val *key, const MDB_val *stored)
{
	if (v->last.mv_data != NULL &&
	    mdb_cmp(v->txn, v->dbi, &v->last, key) >= 0)
		return false;
	return !is_on_other_page(v, key) ||
	       (is_found(v, key, stored->mv_data) &&
		   (v->last.mv_data == NULL || is_found(v, &v->last, NULL)));
}

static bool
is_digest_entry(const struct verify *v, const MDB_val *key)
{
	return v->meta && key->mv_size == strlen(LMDB_DIGEST) &&
	       memcmp(key->mv_data, LMDB_DIGEST, key->mv_size) == 0;
}

static const char *
verify_entry(
    struct verify *v, const MDB_val *key, const MDB_val *stored, uint64_t *sum)
{
	MDB_val value = *stored;

	if (!lmdb_unwrap(v->seed, key, &value))
		return "has an entry that does not match its checksum";
	if (!is_in_place(v, key, stored))
		return "is out of order";
	if (!is_digest_entry(v, key))
		*sum += lmdb_stored_sum(stored);
	v->last = *key;
	v->n++;
	return NULL;
}

static const char *
verify_entries(struct verify *v, MDB_cursor *c, size_t entries, uint64_t *sum)
{
	MDB_val key, stored;
	const char *why;
	int rc;

	while ((rc = mdb_cursor_get(c, &key, &stored, MDB_NEXT)) == 0) {
		notify_alive(); /* A large file may take minutes. */
		why = verify_entry(v, &key, &stored, sum);
		if (why != NULL)
			return why;
	}
	if (rc != MDB_NOTFOUND)
		return mdb_strerror(rc);
	return v->n == entries && (v->n == 0 || is_found(v, &v->last, NULL))
		   ? NULL
		   : "lacks entries";
}

const char *
lmdb_verify_table(MDB_txn *txn, const char *table, uint64_t *sum)
{
	struct verify v = { .txn = txn,
		.meta = strcmp(table, LMDB_META) == 0,
		.seed = lmdb_seed(table) };
	const char *why;
	MDB_stat stat;
	MDB_cursor *c;
	int rc = mdb_dbi_open(txn, table, 0, &v.dbi);

	if (rc == 0)
		rc = mdb_stat(txn, v.dbi, &stat);
	if (rc == 0)
		rc = mdb_cursor_open(txn, v.dbi, &c);
	if (rc != 0)
		return mdb_strerror(rc);
	v.page = stat.ms_psize;
	why = verify_entries(&v, c, stat.ms_entries, sum);
	mdb_cursor_close(c);
	return why;
}

bool
lmdb_verify_digest(MDB_txn *txn, MDB_dbi meta, uint64_t sum, uint64_t number)
{
	uint64_t stored, its_number;

	return lmdb_get_digest(txn, meta, &stored, &its_number) == 0 &&
	       stored == sum && its_number == number;
}

/* ---- the guard ---- */

static _Thread_local const char *volatile guard_text;
static _Thread_local volatile sig_atomic_t guard_code;

static void
write_text(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
}

static void
die_if_guarded(void)
{
	if (guard_text == NULL)
		return;
	write_text(prog_name());
	write_text(": ");
	write_text(guard_text);
	write_text("\n");
	_exit(guard_code);
}

/* The kernel delivers both signals to the thread that made the access. */
static void
on_crash(int signo)
{
	die_if_guarded();
	(void)signal(signo, SIG_DFL);
	(void)raise(signo);
}

static void
on_assertion(MDB_env *env, const char *text)
{
	(void)env;
	die_if_guarded();
	prog_die(PROG_SOFTWARE, "LMDB: %s", text);
}

static void
install_handlers(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS };
	struct sigaction action = { .sa_handler = on_crash };
	size_t i;

	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		(void)sigaction(signals[i], &action, NULL);
}

void
lmdb_guard_begin(const char *text, enum exit_code code)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, install_handlers);
	guard_code = (sig_atomic_t)code;
	guard_text = text;
}

void
lmdb_guard_end(void)
{
	guard_text = NULL;
}

void
lmdb_guard_env(MDB_env *env)
{
	(void)mdb_env_set_assert(env, on_assertion);
}
