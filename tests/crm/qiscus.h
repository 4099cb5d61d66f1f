/*
 * qiscus: the routes of Qiscus Omnichannel, on the same port as Chat2Desk's,
 * under /api/: agents, rooms, comments (which are on another host in reality),
 * assigning and webhooks. It has the known quirks of the API: rows
 * that a filter should leave out, an order without effect, ids that are numbers
 * in one place and strings in another, nulls.
 */
#ifndef TESTS_CRM_QISCUS_H
#define TESTS_CRM_QISCUS_H

#include <jansson.h>

#include "tests/crm/api.h"

/* True if it is not a path of Chat2Desk. */
bool qiscus_is_path(const char *path);

/* True if the call has the app's id and, if the secret key is not enough, an
 * admin's token. Otherwise makes the answer. */
bool qiscus_knows(
    const struct world *w, const struct call *c, struct answer *a);

/* {"errors":"..."} */
void qiscus_error(struct answer *a, unsigned status, const char *text);

/* Reads the parameters, each a text or a number, from a JSON or form body, else
 * from the query. The result is owned; NULL if the body is neither. */
json_t *qiscus_params(const struct call *c);
const char *qiscus_text(const json_t *params, const char *name);
int64_t qiscus_int(const json_t *params, const char *name, int64_t otherwise);
bool qiscus_flag(const json_t *params, const char *name);

/* qiscus_render.c: objects and times, as members or bare. */
void qiscus_time(struct buf *b, const char *key, int64_t ms);
void qiscus_agent(struct buf *b, const struct world *w, int32_t who);
void qiscus_admin(struct buf *b, const struct world *w);
void qiscus_room(struct buf *b, const struct world *w, const struct dialog *d);
void qiscus_comment(
    struct buf *b, const struct world *w, const struct message *m);
void qiscus_service(
    struct buf *b, const struct world *w, int32_t request, int32_t who);
void qiscus_happening(
    struct buf *b, const struct world *w, const struct event *h);

/* True if the list of comments shows that message. */
bool qiscus_shows(const struct message *m);

/* qiscus_rooms.c */
void qiscus_rooms(struct call *c, struct answer *a);
void qiscus_one_room(struct call *c, struct answer *a);
void qiscus_comments(struct call *c, struct answer *a);

/* qiscus_write.c */
void qiscus_assign(struct call *c, struct answer *a);
void qiscus_hook_config(struct call *c, struct answer *a);
void qiscus_set_hook(struct call *c, struct answer *a);

#endif
