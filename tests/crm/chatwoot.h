/*
 * chatwoot: the routes of Chatwoot's API, under /api/v1/: agents, conversations
 * with their traps (25 per page, status=open by default, updated_within without
 * pages), messages by id, assigning, webhooks. A dialog is a
 * conversation, which is reopened under the same id.
 */
#ifndef TESTS_CRM_CHATWOOT_H
#define TESTS_CRM_CHATWOOT_H

#include "tests/crm/api.h"
#include "tests/crm/push.h"

/* {"error":"..."} */
void chatwoot_error(struct answer *a, unsigned status, const char *text);

/* api_hooks.c */
void chatwoot_hooks(struct call *c, struct answer *a);
/* Gets the first registered webhook with an address of this machine, borrowed;
 * false if there is none. */
bool chatwoot_hook_here(
    const struct world *w, const char **url, const char **secret);
void chatwoot_post_hook(struct call *c, struct answer *a);
void chatwoot_patch_hook(struct call *c, struct answer *a);
void chatwoot_delete_hook(struct call *c, struct answer *a);

/* chatwoot_render.c: objects as the API shows them. */
void chatwoot_agent(struct buf *b, const struct world *w, int32_t who);
void chatwoot_conversation(
    struct buf *b, const struct world *w, const struct dialog *d);
void chatwoot_message(
    struct buf *b, const struct world *w, const struct message *m);

/* Adds ,"NAME": and a contact, a bot or an agent. In webhooks contacts have no
 * type. */
void chatwoot_contact(
    struct buf *b, const struct world *w, const struct dialog *d, bool typed);
void chatwoot_sender(
    struct buf *b, const struct world *w, const struct message *m, bool typed);
/* Adds assignee and assignee_type to meta, if an agent or a bot is assigned. */
void chatwoot_assignee(
    struct buf *b, const struct world *w, const struct dialog *d);
/* Adds the members that every form of a message has: content, its type,
 * attachments. */
void chatwoot_content(
    struct buf *b, const struct world *w, const struct message *m);
void chatwoot_labels(struct buf *b, const struct dialog *d);

/* chatwoot_push.c: sends the webhooks of an event. */
void chatwoot_push(
    struct push *p, const struct world *w, const struct event *h);

/* open, resolved or snoozed. */
const char *chatwoot_status(const struct dialog *d);

/* The last time that anything in the conversation changed. */
int64_t chatwoot_updated_at(const struct world *w, const struct dialog *d);

/* With agents kept apart, each is in turn a member of one inbox and one team,
 * and two out of three conversations have a team. */
#define CHATWOOT_TEAMS 2
int64_t chatwoot_team(const struct world *w, const struct dialog *d); /* or 0 */

/* True if the agent is a member of both; 0 means any. */
bool chatwoot_is_member(
    const struct world *w, int32_t who, int64_t inbox, int64_t team);
/* Adds ,"team":{...} if the conversation has one. */
void chatwoot_add_team(
    struct buf *b, const struct world *w, const struct dialog *d);

#endif
