/*
 * audit: who has read what: each answer of the API that shows chats, customers
 * or what they wrote to a lead or an administrator, and each table that leaves
 * as CSV or NDJSON, no matter who asked. It is a line `read` in the log, and,
 * with [serve] audit = FILE, a line of JSON in that file:
 *
 *   {"at":...,"tenant":...,"id":...,"role":...,"subject":...,"peer":...,
 *    "path":...,"parameters":{...},"status":200,"rows":50}
 *
 * id and subject are the token's jti and sub, rows what the answer has. A
 * parameter that the request has several times is a list of its values. The
 * file is for appending, locked, of mode 0600; when it was renamed (logrotate)
 * or removed, a new one is begun.
 */
#ifndef SINK_ACCESS_AUDIT_H
#define SINK_ACCESS_AUDIT_H

#include "common/base/prog.h"
#include "common/http/web.h"
#include "sink/access/viewer.h"

#include <stdbool.h>
#include <stddef.h>

struct audit;

/* Opens the file; path, borrowed, may be NULL: only the log. Owned. NULL, *why
 * and *code when it cannot be written. */
struct audit *audit_open(const char *path, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));
void audit_close(struct audit *a); /* NULL is fine */

/* Whether the answer must be written down, which is impersonal if it shows
 * neither a chat nor a customer. What was refused, and what had not changed
 * (304), shows nothing. */
bool audit_wants(const struct viewer *v, bool impersonal,
    const struct web_answer *answer) __attribute__((warn_unused_result));

/* Writes it down, from any thread. -1, after a message: it is not in the file,
 * so the answer must not go out. */
int audit_add(struct audit *a, const struct viewer *v,
    const struct web_request *r, const struct web_answer *answer, size_t rows)
    __attribute__((warn_unused_result));

#endif
