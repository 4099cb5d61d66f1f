/*
 * by_hand: a request that no server takes in: path and query as text, for sink
 * --get and for reports.
 */
#ifndef SINK_RESOURCES_BY_HAND_H
#define SINK_RESOURCES_BY_HAND_H

#include "common/base/prog.h"
#include "common/db/db.h"
#include "common/http/web.h"
#include "sink/access/viewer.h"

#include <stdbool.h>

/* Answers GET of the target, "/api/v1/now" or "/api/v1/chats?limit=5". The
 * answer begins as struct web_answer says; its buffers are the caller's. */
void by_hand_get(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    const char *target, struct web_answer *a);

/* Whether there is such a path; and all of them, a line each. */
bool by_hand_knows(const char *target);
void by_hand_list_paths(struct buf *to);

/* Whether the target itself says which page of a list it is, or how long. */
bool by_hand_chooses_page(const char *target);

/* Sets *next to the target of the page behind the answer, as its header Link
 * has it, in pages of so many rows where `limit` is one. False: there is
 * none. */
bool by_hand_next(const struct web_answer *a, const char *target,
    const char *limit, struct buf *next) __attribute__((warn_unused_result));

/* Logs the sentence of an answer that is a problem, and returns the exit code
 * for it, which the database's last error decides if that is why. */
enum exit_code by_hand_explain(
    const struct web_answer *a, const struct db *db, const char *target);

#endif
