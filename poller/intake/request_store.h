/*
 * request_store: what a listener has answered with success and not yet handed
 * on, in one file, DIR/spool/requests.mdb (crm/store.h). It has two queues of
 * entries: lines of records, and keys of requests (idempotency.h). Entries are
 * numbered from 1, added at the end and removed from the front.
 *
 * Commit point: request_store_commit() makes everything since
 * request_store_begin() durable (synced), or nothing.
 *
 * Damage is found when the file is opened, by reading all of it: each value
 * stands behind a checksum, and the first and the next number of both queues
 * say which entries there are. The file is refused then with the way out; it is
 * not repaired. An older copy of the file is a valid store.
 *
 * One process has the file. All functions may be called from any thread;
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

/* Creates the folders and the file if they are missing. max: bytes of lines
 * that are kept at most. NULL, the code and *why: another listener has it
 * (TEMPFAIL), it is damaged (IO), it cannot be made. Owned. */
struct request_store *request_store_open(const char *dir, uint64_t max,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* NULL is fine. */
void request_store_close(struct request_store *s);

/* Begins to change it. Each begin is followed by one commit. */
void request_store_begin(struct request_store *s);

/* Adds an entry; false when lines of that size have no room. */
bool request_store_add(struct request_store *s, enum request_queue q,
    const void *data, size_t len);

/* Removes all entries up to that number. */
void request_store_drop(
    struct request_store *s, enum request_queue q, uint64_t number);

/* 0, or -1 and *why: nothing was changed. */
int request_store_commit(struct request_store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* Appends committed lines with numbers above *number, about `most` bytes of
 * them and at least one entry, and sets *number to that of the last one. 1; 0
 * when there are none; -1 and *why. */
int request_store_next(struct request_store *s, uint64_t *number, size_t most,
    struct buf *lines, struct buf *why) __attribute__((warn_unused_result));

/* Calls back for each committed entry of a queue, in order. */
typedef void request_store_fn(
    void *ctx, uint64_t number, const void *data, size_t len);
int request_store_each(struct request_store *s, enum request_queue q,
    request_store_fn *each, void *ctx, struct buf *why)
    __attribute__((warn_unused_result));

/* The number of the entry that is added next, and of the first one. */
uint64_t request_store_end(struct request_store *s, enum request_queue q);
uint64_t request_store_first(struct request_store *s, enum request_queue q);

/* Compacts the file, as message texts may not stay on the disk for ever. Does
 * nothing while most of it is in use. -1 and *why: the old file goes on. */
int request_store_compact(struct request_store *s, struct buf *why)
    __attribute__((warn_unused_result));

/* True when a commit left LMDB unable to go on: the process must end. */
bool request_store_is_lost(struct request_store *s);

const char *request_store_path(const struct request_store *s);

#endif
