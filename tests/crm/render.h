/*
 * render: appends the objects of a world to a buffer as the API's JSON, with
 * every field that Chat2Desk is known to send, null where it is null there.
 */
#ifndef TESTS_CRM_RENDER_H
#define TESTS_CRM_RENDER_H

#include "common/base/buf.h"
#include "tests/crm/world.h"

void render_operator(
    struct buf *b, const struct world *w, const struct worker *o);
void render_dialog(
    struct buf *b, const struct world *w, const struct dialog *d);
void render_message(
    struct buf *b, const struct world *w, const struct message *m);

/* As GET /requests/{id}/messages shows it: other names, Unix seconds. */
void render_request_message(
    struct buf *b, const struct world *w, const struct message *m);

/* The API's id of a client; its number, or -1 for an id that is none. */
int64_t render_client_id(const struct world *w, int64_t client);
int64_t render_client_number(const struct world *w, int64_t id);
void render_client(struct buf *b, const struct world *w, int64_t client);
void render_channel(
    struct buf *b, const struct world *w, const struct channel *c);

/* A member with a time as the API writes it, null for 0. */
void render_time(struct buf *b, const char *key, int64_t ms);

/* A member with an id; null for 0. */
void render_id(struct buf *b, const char *key, int64_t id);

/* What a message says that is not a service line and no photo. */
const char *render_text(const struct message *m);

/* The operator's role. */
const char *render_role(const struct worker *o);

#endif
