/*
 * subject: the customer of --export and --forget: which of a tenant's chats are
 * theirs, and their entry in `forgotten`. personal_tables.h defines which rows
 * of each table are theirs.
 *
 * A chat is theirs if it names them as its customer, if they wrote or received
 * a message in it, or if one of their receipts or events names it. If an
 * operator or bot has, or had, the same id, columns with ids of both are the
 * operator's, and no row there is theirs.
 */
#ifndef REAPER_RIGHTS_SUBJECT_H
#define REAPER_RIGHTS_SUBJECT_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "common/records/forgotten.h"

#include <stdbool.h>

struct subject {
	/* Set by the caller; borrowed. */
	struct db *db;
	const char *tenant, *id;

	bool known;          /* the database has the tenant */
	bool is_operator;    /* an operator or bot has, or had, the same id */
	bool recorded;       /* `forgotten` has them */
	char alias[64];      /* "": none yet */
	int64_t asked_at;    /* everything up to then is erased; CLOCK_NONE: not
			      * yet */
	int64_t later;       /* time of their last activity if in the future,
			      * otherwise asked_at */
	struct strmap chats; /* ids of their chats; each value is the map
			      * itself */
	uint64_t key[2];     /* for digests in `forgotten` */

	/* private */
	size_t noted; /* number of chats that are in `forgotten` */
};

/* Reads the tenant and the entry, and finds the chats. */
enum outcome subject_read(struct subject *s)
    __attribute__((warn_unused_result));

void subject_add_chat(struct subject *s, const char *chat, size_t len);

/* Writes the entry, or renews its time, so that everything up to now is erased:
 * sinks see it with their next batch, and remove the names. Sets alias and
 * asked_at. */
enum outcome subject_record(struct subject *s)
    __attribute__((warn_unused_result));

/* Writes the chats found so far next to the entry. */
enum outcome subject_record_chats(struct subject *s)
    __attribute__((warn_unused_result));

/* Records that the erasure is complete. */
enum outcome subject_done(struct subject *s)
    __attribute__((warn_unused_result));

void subject_release(struct subject *s);

/* `forgotten` changed: running sinks read it again with their next batch. key:
 * for its digests, if the tenant has none yet; or NULL. */
enum outcome subject_notify_sinks(struct db *db, const char *tenant,
    const char *key) __attribute__((warn_unused_result));

#endif
