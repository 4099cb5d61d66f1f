/*
 * lmdb_file: a file of named tables of keys and values, over LMDB, whose
 * header only lmdb_file.c includes. Keys and values are bytes; the caller
 * defines their meaning. Keys have at most 511 bytes and are sorted as by
 * memcmp(), prefixes first.
 *
 * A file is used in one of two ways:
 *
 *   alone     One process has it open; its owner holds a lock elsewhere. One
 *             write transaction is begun when it is needed, and reads see its
 *             changes. A thread may commit it.
 *   shared    Several processes have it open. Reads see the last commit. A
 *             process that changes something begins with
 *             lmdb_begin_changes() and soon commits.
 *
 * Guarantee: lmdb_commit() makes all changes since the last commit durable, or
 * none. The process may be killed, or the power may fail, at any time:
 *
 *   crash during       the next lmdb_open() finds
 *   -----------------  ----------------------------------------------------
 *   changes            the previous commit: LMDB never writes a page that
 *                      the last commit uses
 *   lmdb_commit(),     the previous commit: the new pages are written and
 *     before its root  synced, but nothing refers to them yet
 *   lmdb_commit(),     this commit or the previous one: the root is written
 *     its root         over the second last root, and synced
 *   later              this commit
 *   lmdb_rewrite()     the old file or the new one, which is renamed to its
 *                      name when it is complete and synced
 *
 * Damage: each value is stored behind a checksum of its table, its key and
 * itself. Each commit stores the sum of all checksums and its own number, as an
 * entry of the table "meta" that is not part of the sum: so it covers exactly
 * the entries of that commit. lmdb_verify() reads everything and refuses a file
 * in which an entry was changed, lost, duplicated or exchanged, with a
 * probability of 1 - 2^-64; and so it does with an older page, and with keys
 * that a search does not find because LMDB's inner pages are damaged. Damage
 * after that is found when the value is read, or at the next verification:
 * after an unclean stop, after a change by another program, or a day later. If
 * a damaged or truncated file crashes LMDB itself, the process ends with one
 * line that names the file and the way out (lmdb_guard.h).
 *
 * An older copy of the whole file is valid and is not detected as old. If
 * LMDB's newest root is damaged, the previous commit is used, which has the
 * same effect.
 *
 * Errors are sticky: after one, reads find nothing and changes do nothing, so
 * it is enough to check lmdb_commit() or lmdb_failed().
 */
#ifndef COMMON_LMDB_LMDB_FILE_H
#define COMMON_LMDB_LMDB_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>

/* The table of a file's own entries; a caller may add others. */
#define LMDB_META "meta"

/* The maximum number of tables. */
#define LMDB_TABLES 96

struct lmdb_file;
struct lmdb_table;

/* What a file is for. */
struct lmdb_kind {
	const char *name;       /* in messages, such as "state" */
	const char *format;     /* "KIND VERSION"; a file with another one is
				 * refused */
	const char *way_out;    /* the advice if it is damaged... */
	enum exit_code damaged; /* ...and the exit code */
	const char *full;       /* the advice if it reaches its limit */
};

/* Returns a file that is not open yet. The kind is borrowed, the path copied.
 * limit: the maximum size in bytes, which reserves address space, but neither
 * memory nor disk space. */
struct lmdb_file *lmdb_new(
    const struct lmdb_kind *kind, const char *path, size_t limit, bool shared);

/* Closes the file without committing, and frees it. NULL is allowed. */
void lmdb_close(struct lmdb_file *f);

/* Opens the file; creates one without commits if there is none. */
bool lmdb_open(struct lmdb_file *f);

/* True if nothing was ever committed. */
bool lmdb_is_new(struct lmdb_file *f);

/* Makes the table LMDB_META of a new file and writes its format there. */
void lmdb_begin_file(struct lmdb_file *f);

/* Refuses a file of another format. all: also verifies all entries, unless that
 * was done within a day and the file was closed in good order since then
 * (lmdb_seal.h). */
bool lmdb_verify(struct lmdb_file *f, bool all);

/* Returns the table with that name, which the file owns; a missing one is made,
 * or is damage. The name is copied. Returns NULL only after an error. */
struct lmdb_table *lmdb_table(struct lmdb_file *f, const char *name, bool make);

/* Reads the value of a key, borrowed until the next change, commit or close; it
 * is not aligned. Returns false if the key is absent. */
bool lmdb_get(struct lmdb_table *t, const void *key, size_t key_len,
    const void **data, size_t *len);

/* Sets the value of a key; both are copied. The value may be empty. */
void lmdb_put(struct lmdb_table *t, const void *key, size_t key_len,
    const void *data, size_t len);
void lmdb_delete(struct lmdb_table *t, const void *key, size_t key_len);

/* Deletes at most max entries whose keys begin with the prefix, in order, and
 * returns their number. This allows large deletions in small steps. An empty
 * prefix matches all keys. */
size_t lmdb_delete_prefix(
    struct lmdb_table *t, const void *prefix, size_t len, size_t max);
/* The same, but only entries whose keys come before that key. */
size_t lmdb_delete_before(struct lmdb_table *t, const void *prefix, size_t len,
    const void *key, size_t key_len, size_t max);

/* Receives one entry, borrowed during the call. Must not change the table.
 * Returns false to end lmdb_each(). */
typedef bool lmdb_entry_fn(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len);

/* Calls back for each entry whose key begins with the prefix, in the order of
 * keys. An empty prefix matches all keys. */
void lmdb_each(struct lmdb_table *t, const void *prefix, size_t len,
    lmdb_entry_fn *entry, void *ctx);

/* Returns whether the table has an entry. */
bool lmdb_any(struct lmdb_table *t);

/* As lmdb_each() for the entries that come after a key, which need not exist.
 */
void lmdb_each_after(struct lmdb_table *t, const void *prefix, size_t len,
    const void *key, size_t key_len, lmdb_entry_fn *entry, void *ctx);

/* Receives each change of an entry when it is made: its new value, or data NULL
 * if it is deleted. A put of the stored value changes nothing. All are
 * borrowed during the call, which must not use the file. */
typedef void lmdb_change_fn(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len);
void lmdb_watch(struct lmdb_table *t, lmdb_change_fn *changed, void *ctx);

/* Begins to change a shared file: sees all that other processes committed. Its
 * commit is made even if nothing changes, after which LMDB can reuse pages. */
bool lmdb_begin_changes(struct lmdb_file *f);

/* Commits all changes since the last commit. Returns false after an error. */
bool lmdb_commit(struct lmdb_file *f);

/* The same without waiting: the commit runs in a thread. The first read or
 * change waits until it is done, so a caller that wants to go on meanwhile must
 * not use the file. */
void lmdb_commit_begin(struct lmdb_file *f);
bool lmdb_commit_done(const struct lmdb_file *f);
/* Waits for it. Returns false after any error. */
bool lmdb_commit_finish(struct lmdb_file *f);

/* Drops all changes since the last commit; what was read is no longer valid.
 * The second function also clears an error from which LMDB can recover, such as
 * a full disk. */
void lmdb_abort(struct lmdb_file *f);
void lmdb_recover(struct lmdb_file *f);

/* Replaces the file, which is committed, by a copy, which leaves no byte of
 * deleted data; LMDB keeps those until it reuses the page. Fails if another
 * process has it open. The file may then only be read, as it was, and closed.
 */
bool lmdb_rewrite(struct lmdb_file *f);

/* Commits a file under a temporary name and renames it. */
bool lmdb_install(struct lmdb_file *f, const char *path);

/* Set the error: an errno, or damage with its description. Only the first error
 * counts. */
void lmdb_fail(struct lmdb_file *f, int err);
void lmdb_fail_damaged(struct lmdb_file *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

bool lmdb_failed(const struct lmdb_file *f);

/* Returns the exit code of the error, PROG_OK without one, and its sentence,
 * which names the file and the way out. */
enum exit_code lmdb_explain(const struct lmdb_file *f, struct buf *why);

#endif
