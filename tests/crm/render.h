/*
 * render: appends the objects of a world to a buffer as the API's JSON, with
 * every field that Chat2Desk is known to send, and null where Chat2Desk sends
 * null.
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

/* Returns the API's id of a client. The second function returns the number for
 * an id, or -1 if it is not a client's. */
int64_t render_client_id(const struct world *w, int64_t client);
int64_t render_client_number(const struct world *w, int64_t id);
void render_client(struct buf *b, const struct world *w, int64_t client);

/* Adds a member with a time in the API's format; null for 0. */
void render_time(struct buf *b, const char *key, int64_t ms);

/* A member with an id; null for 0. */
void render_id(struct buf *b, const char *key, int64_t id);

/* Returns the text of a message that is neither a system line nor a photo. */
const char *render_text(const struct message *m);

/* The operator's first and last name. Owned. */
char *render_full_name(const struct worker *o);

#endif
