/*
 * revoke_token: puts the id of a token into the table of those that count no
 * more; see revocation.h.
 */
#ifndef SINK_ACCESS_REVOKE_TOKEN_H
#define SINK_ACCESS_REVOKE_TOKEN_H

#include "common/db/db.h"

#include <stdint.h>

/* The longest id of a token (jti). */
#define REVOKE_ID_MAX 64

/* expires_ms: when the token expires at the latest; CLOCK_NONE: not known, the
 * id is kept for ever. Needs the rights to SELECT and INSERT, and to UPDATE
 * where an id was revoked before for a shorter time. NEVER and *why when too
 * many are revoked; else the reason is db_why(), and *why is empty. */
enum outcome revoke_token(struct db *db, const char *tenant, const char *id,
    int64_t expires_ms, struct buf *why) __attribute__((warn_unused_result));

#endif
