/*
 * by_hand: a request without a server: path and query as text, for sink --get
 * and for reports.
 */
#ifndef SINK_RESOURCES_BY_HAND_H
#define SINK_RESOURCES_BY_HAND_H

#include "common/base/prog.h"
#include "common/db/db.h"
#include "common/http/web.h"
#include "sink/access/viewer.h"

#include <stdbool.h>

/* Answers GET for the target, such as "/api/v1/now" or "/api/v1/chats?limit=5".
 * The answer must be initialised as in struct web_answer; the caller owns its
 * buffers. */
void by_hand_get(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    const char *target, struct web_answer *a);

/* The first returns whether the path exists; the second lists all paths, one
 * per line. */
bool by_hand_knows(const char *target);
void by_hand_list_paths(struct buf *to);

/* True if the target chooses a page, or its length. */
bool by_hand_selects_page(const char *target);

/* Sets *next to the target of the next page, from the answer's header Link,
 * with `limit` rows if `limit` is given. Returns false if there is no next
 * page. */
bool by_hand_next(const struct web_answer *a, const char *target,
    const char *limit, struct buf *next) __attribute__((warn_unused_result));

/* Logs the sentence of an answer that is a problem, and returns its exit code,
 * which depends on the database's last error if that was the cause. */
enum exit_code by_hand_explain(
    const struct web_answer *a, const struct db *db, const char *target);

#endif
