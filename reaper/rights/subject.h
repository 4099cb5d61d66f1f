/*
 * subject: the customer whom --export and --forget are about: which of a
 * tenant's chats are theirs, and their entry in `forgotten`. Which rows of
 * which table are theirs: personal_tables.h.
 *
 * A chat is theirs if it has them as its customer, if they wrote in it, if
 * somebody wrote to them in it, or if a receipt or an event of theirs names it.
 * Where an operator or a bot has the same id, or had it, columns that hold ids
 * of both are the operator's, and nothing in them is theirs.
 */
#ifndef REAPER_RIGHTS_SUBJECT_H
#define REAPER_RIGHTS_SUBJECT_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "common/digest/forgotten_id.h"

#include <stdbool.h>

struct subject {
	/* Set by the caller; borrowed. */
	struct db *db;
	const char *tenant, *id;

	bool known;       /* the database has the tenant */
	bool is_operator; /* an operator or a bot has, or had, the same id */
	bool recorded;    /* `forgotten` has them */
	char alias[64];   /* "": none yet */
	int64_t asked_at; /* up to when all is forgotten; CLOCK_NONE: not yet */
	int64_t later; /* the last of what they did in the future, else that */
	struct strmap chats; /* their ids; each value is the map itself */
	uint64_t key[2];     /* of digests in `forgotten` */
	int64_t from, to;    /* the marks $FROM and $TO of personal_tables.h */

	/* private */
	size_t noted; /* chats that are in `forgotten` */
};

/* Reads the tenant and the entry, and finds the chats. */
enum outcome subject_read(struct subject *s)
    __attribute__((warn_unused_result));

void subject_add_chat(struct subject *s, const char *chat, size_t len);

/* Writes the entry, or renews its time, which forgets all up to now: sinks see
 * it with their next batch, and take the names away. Sets alias and asked_at,
 * from a time of asking. */
enum outcome subject_record(struct subject *s)
    __attribute__((warn_unused_result));

/* Writes the chats that were found so far beside it. */
enum outcome subject_record_chats(struct subject *s)
    __attribute__((warn_unused_result));

/* Notes that everything was done. */
enum outcome subject_done(struct subject *s)
    __attribute__((warn_unused_result));

void subject_release(struct subject *s);

/* `forgotten` changed: sinks that run look into it again with their next
 * batch. key: of its digests, if the tenant has none yet; or NULL. */
enum outcome subject_notify_sinks(struct db *db, const char *tenant,
    const char *key) __attribute__((warn_unused_result));

#endif
