/*
 * forgotten: what `reaper --forget` leaves for the other programs about a
 * customer whose data it erased.
 *
 * For sinks: the table `forgotten` has the customer's ids, so that rows which
 * arrive later are recognised. It stores a keyed hash of each id, from which
 * readers of the table cannot recover the id. Each tenant has a random key
 * (tenants.forget_key).
 *
 * For a program that keeps a state and is running: an order, a file in the
 * folder FORGET_FOLDER of the state, under a name that ends in FORGET_ENDING.
 * It ends with a checksum, because a damaged order could erase another
 * customer. When the state contains no more data about the customer, the
 * program removes the file and creates an empty one that ends in FORGET_DONE,
 * which the reaper finds even if the program has ended by then.
 */
#ifndef COMMON_RECORDS_FORGOTTEN_H
#define COMMON_RECORDS_FORGOTTEN_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FORGOTTEN_DIGEST = 32, /* length of a digest in characters */
	FORGOTTEN_KEY = 32,    /* length of a key */
};

enum forgotten_kind {
	FORGOTTEN_CUSTOMER, /* the id of a customer */
	FORGOTTEN_USER,     /* the same, in columns that may also contain an
			     * operator's id */
	FORGOTTEN_CHAT,     /* the id of one of the customer's chats */
};

/* Reads a key in its stored form; returns -1 if it is malformed. */
int forgotten_key_read(const char *text, uint64_t key[2])
    __attribute__((warn_unused_result));

/* Creates a new key in its stored form. */
void forgotten_key_draw(char text[FORGOTTEN_KEY + 1]);

/* Writes the digest of an id, with NUL. */
void forgotten_digest(const uint64_t key[2], enum forgotten_kind kind,
    const char *id, size_t len, char digest[FORGOTTEN_DIGEST + 1]);

/* In the folder of a stream's state, which the reaper recognises by the first
 * file. The second is locked while an aggregator has the state open. */
#define STREAM_MDB "stream.mdb"
#define STREAM_LOCK "stream.lock"

#define FORGET_FOLDER "forget"
#define FORGET_ENDING ".order"
#define FORGET_DONE ".done"

struct forget_order {
	struct text tenant, customer; /* the customer's id in the CRM */
	int64_t asked_at;  /* later data about the customer is kept; in ms */
	struct text chats; /* ids of the customer's chats, written by
			    * pack_put_text() */
	/* Replaces the id in counts by user; empty if an operator has or had
	 * the same id. */
	struct text alias;
};

/* True for one of the customer's chats. */
bool forget_order_has_chat(const struct forget_order *o, struct text chat);

/* Writes the file; see file_replace(). */
enum exit_code forget_order_write(struct forget_order *o, const char *path,
    struct buf *why) __attribute__((warn_unused_result));

/* Reads the file into *bytes, from which *o borrows. Returns 1; 0 if there is
 * no such file; -1 with *why if it is unreadable or damaged. */
int forget_order_read(struct forget_order *o, const char *path,
    struct buf *bytes, struct buf *why) __attribute__((warn_unused_result));

#endif
