/*
 * revocation: the revoked tokens: the table revoked_tokens, kept in memory. It
 * is read again at most every REVOCATION_EVERY_MS, so a revoked token is
 * accepted for that much longer. While the database is unreachable, the last
 * list is used; before the first list was read, nothing is known.
 *
 * One thread refreshes the list, any thread may query it.
 */
#ifndef SINK_ACCESS_REVOCATION_H
#define SINK_ACCESS_REVOCATION_H

#include "common/db/db.h"

#define REVOCATION_EVERY_MS 2000

struct revocation;

enum revocation_verdict {
	REVOCATION_NONE,    /* not revoked */
	REVOCATION_DONE,    /* revoked */
	REVOCATION_UNKNOWN, /* no list was read yet */
};

struct revocation *revocation_open(void) __attribute__((warn_unused_result));
void revocation_close(struct revocation *r); /* NULL is allowed */

/* Reads the table, unless this was attempted shortly before. Of consecutive
 * failures with the same outcome, only the first is logged. NEVER at the first
 * read is not logged unless the database refuses the user: the caller has
 * db_why() and should stop. */
enum outcome revocation_refresh(struct revocation *r, struct db *db);

/* Why there is no list: a sentence for users. */
const char *revocation_problem(struct revocation *r);

/* Looks up the token with that id (jti). A token without an id ("") cannot be
 * revoked. */
enum revocation_verdict revocation_of(
    struct revocation *r, const char *tenant, const char *id);

/* A list and its members, for revocation_refresh() and tests. */
struct strmap;
void revocation_add(struct strmap *list, const char *tenant, const char *id);
/* Replaces the members with those of *list, which becomes empty. */
void revocation_replace(struct revocation *r, struct strmap *list);

#endif
