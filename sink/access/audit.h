/*
 * audit: records who has read what. It logs each API answer that shows chats,
 * customers or their messages to a lead or an administrator, and each table
 * exported as CSV or NDJSON, for any viewer. An entry is a line with the event
 * `read` in the log and, with [serve] audit = FILE, a line of JSON in that
 * file:
 *
 *   {"at":...,"tenant":...,"id":...,"role":...,"subject":...,"peer":...,
 *    "path":...,"parameters":{...},"status":200,"rows":50}
 *
 * id and subject are the token's jti and sub; rows is the number of rows in the
 * answer. The file is appended to, locked, with mode 0600; if it was renamed
 * (logrotate) or removed, a new one is begun.
 */
#ifndef SINK_ACCESS_AUDIT_H
#define SINK_ACCESS_AUDIT_H

#include "common/base/prog.h"
#include "common/http/web.h"
#include "sink/access/viewer.h"

#include <stdbool.h>
#include <stddef.h>

struct audit;

/* Opens the file; path is borrowed, and may be NULL for the log only. Owned.
 * Returns NULL, *why and *code if it cannot be written. */
struct audit *audit_open(const char *path, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));
void audit_close(struct audit *a); /* NULL is allowed */

/* Returns whether the answer must be audited. impersonal: it shows neither
 * chats nor customers. Refused requests, and those answered with 304, show
 * nothing. */
bool audit_wants(const struct viewer *v, bool impersonal,
    const struct web_answer *answer) __attribute__((warn_unused_result));

/* An answer: the parameters of its resource, the only ones that are logged,
 * because others may be secrets; and the number of rows in it. */
struct audit_entry {
	const struct web_request *request;
	const struct web_answer *answer;
	const char *const *parameters;
	size_t parameters_n, rows;
};

/* Logs the answer; any thread may call it. Returns -1, after a message, if the
 * entry is not in the file; the answer must then not be sent. */
int audit_add(struct audit *a, const struct viewer *v,
    const struct audit_entry *e) __attribute__((warn_unused_result));

#endif
