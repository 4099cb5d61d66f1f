/*
 * revocation: which tokens were revoked: the table revoked_tokens, kept in
 * memory. It is read again every REVOCATION_EVERY_MS at most, so a token that
 * is revoked counts for that much longer. While the database is away the last
 * list counts; before one was read nobody knows.
 *
 * One thread refreshes it, any thread asks.
 */
#ifndef SINK_ACCESS_REVOCATION_H
#define SINK_ACCESS_REVOCATION_H

#include "common/db/db.h"

#define REVOCATION_EVERY_MS 2000
/* Revoked tokens that have not expired; sink --token takes no more. */
#define REVOCATION_MAX 10000

struct revocation;

enum revocation_verdict {
	REVOCATION_NONE,    /* it was not revoked */
	REVOCATION_DONE,    /* it was */
	REVOCATION_UNKNOWN, /* no list was read yet */
};

struct revocation *revocation_open(void) __attribute__((warn_unused_result));
void revocation_close(struct revocation *r); /* NULL is fine */

/* Reads the table unless that was tried shortly before. The first of several
 * failures of a kind is logged, but not NEVER of the very first reading: the
 * caller has db_why(), and should not go on. */
enum outcome revocation_refresh(struct revocation *r, struct db *db);

/* About the token of that id (jti). A token without an id ("") cannot be
 * revoked. */
enum revocation_verdict revocation_of(
    struct revocation *r, const char *tenant, const char *id);

/* A list and its members, for revocation_refresh() and tests. */
struct strmap;
void revocation_add(struct strmap *list, const char *tenant, const char *id);
/* Takes the members over in place of those before; *list becomes empty. */
void revocation_replace(struct revocation *r, struct strmap *list);

#endif
