/*
 * message_versions: an edit of a message replaces it, also one that moves it to
 * another time. The time is in the key of the table, so the upsert alone would
 * keep a row of each time.
 *
 * A batch with an edited message locks its tenants exclusively. So it sees what
 * others stored, and those who come later see it: by tenants.edited_at. A
 * message that is later than that was not edited before it came, and needs no
 * look: it is later than each edit, than what an edit replaced and, where an
 * edit came first, than that by a day.
 */
#ifndef SINK_STORE_MESSAGE_VERSIONS_H
#define SINK_STORE_MESSAGE_VERSIONS_H

#include "common/db/db.h"
#include "sink/rows/batch.h"

struct message_version;

/* A zeroed struct is empty. */
struct message_versions {
	/* private */
	struct strmap messages;       /* tenant, chat, id -> what is known */
	struct message_version **all; /* in the arena of the batch */
	size_t n, cap;
};

/* Sets edited_at of the batch's tenants; whether it has edited messages. */
bool message_versions_find_edits(const struct row_batch *b);

/* In the transaction, with the tenants locked. Before messages are stored:
 * those with a newer version in the table become ROW_OLDER. Raises edited_at.
 */
enum outcome message_versions_find(struct message_versions *v, struct db *db,
    struct row_batch *b) __attribute__((warn_unused_result));

/* After it: removes the versions that the stored ones replace. */
enum outcome message_versions_replace(const struct message_versions *v,
    struct db *db) __attribute__((warn_unused_result));

void message_versions_release(struct message_versions *v);

#endif
