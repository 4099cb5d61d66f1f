/*
 * chatwoot: the routes of Chatwoot's API, under /api/v1/: agents,
 * conversations with their traps (25 a page, status=open unless told otherwise,
 * updated_within without pages), messages by id, assigning, resolving,
 * webhooks. A dialog is a conversation, opened again under the same id.
 */
#ifndef TESTS_CRM_CHATWOOT_H
#define TESTS_CRM_CHATWOOT_H

#include "tests/crm/api.h"
#include "tests/crm/push.h"

/* As api_route() and api_route_name(). */
const struct route *chatwoot_route(
    const struct call *c, int64_t *id, size_t *index);
const char *chatwoot_route_name(size_t index, struct buf *text);

/* {"error":"..."} */
void chatwoot_error(struct answer *a, unsigned status, const char *text);

/* api_hooks.c */
void chatwoot_hooks(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void chatwoot_post_hook(struct sim *s, struct world *w, struct call *c,
    int64_t id, struct answer *a);
void chatwoot_patch_hook(struct sim *s, struct world *w, struct call *c,
    int64_t id, struct answer *a);
void chatwoot_delete_hook(struct sim *s, struct world *w, struct call *c,
    int64_t id, struct answer *a);

/* chatwoot_render.c: the forms of the API. */
void chatwoot_agent(struct buf *b, const struct world *w, int32_t who);
void chatwoot_conversation(
    struct buf *b, const struct world *w, const struct dialog *d);
void chatwoot_message(
    struct buf *b, const struct world *w, const struct message *m);

/* ,"NAME": with a contact, a bot or an agent. Webhooks give contacts no type.
 */
void chatwoot_contact(
    struct buf *b, const struct world *w, const struct dialog *d, bool typed);
void chatwoot_sender(
    struct buf *b, const struct world *w, const struct message *m, bool typed);
/* Members of meta: assignee and assignee_type, if an agent or bot has it. */
void chatwoot_assignee(
    struct buf *b, const struct world *w, const struct dialog *d);
/* What of a message is the same everywhere: content, its type, attachments. */
void chatwoot_content(
    struct buf *b, const struct world *w, const struct message *m);
void chatwoot_labels(struct buf *b, const struct dialog *d);

/* chatwoot_push.c: sends the webhooks of an event. */
void chatwoot_push(
    struct push *p, const struct world *w, const struct event *h);

/* open, resolved, pending or snoozed. */
const char *chatwoot_status(const struct dialog *d);

/* When anything of it changed last. */
int64_t chatwoot_updated_at(const struct world *w, const struct dialog *d);

/* Whether it is an agent of the account. */
bool chatwoot_is_agent(const struct worker *o);

/* Where agents are kept apart, each is a member of one inbox and of one team,
 * in turn, and two conversations of three have a team. */
#define CHATWOOT_TEAMS 2
int64_t chatwoot_team(const struct world *w, const struct dialog *d); /* or 0 */

/* Whether an agent is a member of both; 0: of any. */
bool chatwoot_is_member(
    const struct world *w, int32_t who, int64_t inbox, int64_t team);
/* ,"team":{...} if it has one. */
void chatwoot_add_team(
    struct buf *b, const struct world *w, const struct dialog *d);

#endif
