/*
 * request_store: the requests that a listener has accepted and not yet
 * published, in one file, DIR/spool/requests.mdb (crm/store.h). It has two
 * queues of entries: lines of records, and keys of requests (idempotency.h).
 * Entries are numbered, added at the end and removed from the front; in an
 * empty queue the numbers of a new run begin with 1.
 *
 * Commit point: request_store_commit() makes all changes since
 * request_store_begin() durable (synced), or none.
 *
 * A damaged file is rejected with an error that explains what to do; it is not
 * repaired. An older copy of the file is a valid store.
 *
 * One process owns the file. All functions may be called from any thread;
 * between begin and commit other callers wait.
 */
#ifndef POLLER_INTAKE_REQUEST_STORE_H
#define POLLER_INTAKE_REQUEST_STORE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_queue { REQUEST_LINES, REQUEST_KEYS, REQUEST_QUEUES };

struct request_store;

/* Creates missing folders and the file. max: the maximum number of bytes of
 * stored lines. Returns NULL, the exit code and *why if another listener has
 * the file (TEMPFAIL), the file is damaged (IO), or it cannot be created. Owned
 * by the caller. */
struct request_store *request_store_open(const char *dir, uint64_t max,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* s may be NULL. */
void request_store_close(struct request_store *s);

/* Begins a change. Each begin must be followed by one commit. */
void request_store_begin(struct request_store *s);

/* Adds an entry; returns false if there is no space for lines of that size. */
bool request_store_add(struct request_store *s, enum request_queue q,
    const void *data, size_t len);

/* Removes all entries up to that number. */
void request_store_drop(
    struct request_store *s, enum request_queue q, uint64_t number);

/* Returns 0; or -1 and *why, and then nothing was changed. */
int request_store_commit(struct request_store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Appends committed lines with numbers above *number, about `most` bytes and at
 * least one entry, and sets *number to that of the last one. Returns 1; 0 if
 * there are none; -1 and *why on errors. */
int request_store_next(struct request_store *s, uint64_t *number, size_t most,
    struct buf *lines, struct buf *why) __attribute__((warn_unused_result));

/* Called for each committed entry of a queue, in order. */
typedef void request_store_fn(
    void *ctx, uint64_t number, const void *data, size_t len);
int request_store_each(struct request_store *s, enum request_queue q,
    request_store_fn *each, void *ctx, struct buf *why)
    __attribute__((warn_unused_result));

/* The number of the next new entry, and of the first one. */
uint64_t request_store_end(struct request_store *s, enum request_queue q);
uint64_t request_store_first(struct request_store *s, enum request_queue q);

/* Compacts the file, because texts of messages must not stay on the disk. Does
 * nothing while most of the file is in use. -1 and *why on errors; the old file
 * then stays in use. */
int request_store_compact(struct request_store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* True if a failed commit left LMDB unusable: the process must end. */
bool request_store_is_lost(struct request_store *s);

const char *request_store_path(const struct request_store *s);

#endif
