/*
 * world: the data of one account of the simulated CRM: operators, channels,
 * dialogs, their requests and messages, as arrays in memory. Names are those of
 * Chat2Desk; for Qiscus a dialog is a room, a request a session.
 *
 * A dialog is the permanent thread of one client on one channel; a request is
 * one contact in it, from its first message to the closing. Ids of messages and
 * requests increase with time, so arrays are sorted by id. Nothing is ever
 * removed: indexes stay valid, pointers only until the next change.
 *
 * Clients are not stored: their data are computed from their number.
 */
#ifndef TESTS_CRM_WORLD_H
#define TESTS_CRM_WORLD_H

#include "tests/crm/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORLD_CHANNELS 5
#define WORLD_TEXTS 16
#define NO_OPERATOR (-1)

enum message_type {
	FROM_CLIENT,
	TO_CLIENT,
	AUTOREPLY,
	SYSTEM,
	COMMENT,
	UNTYPED, /* an automatic survey: "type": null */
};

/* The event of a service line, in extra_data besides its text. */
enum service_line {
	SERVICE_NOTHING,
	SERVICE_CLOSED,
	SERVICE_REOPENED,
	SERVICE_TRANSFERRED
};

struct message {
	int64_t id;
	int64_t at; /* ms; the API shows whole seconds */
	int32_t dialog;
	int32_t request;
	int32_t author; /* index, or NO_OPERATOR */
	uint8_t type;
	uint8_t service;
	uint8_t text; /* WORLD_TEXTS: none, a photo instead */
	bool read;
};

struct request {
	int64_t id;
	int64_t begin, end; /* end 0: running */
	int32_t dialog;
};

enum phase {
	PHASE_CLOSED,
	PHASE_WAITING,  /* the client wrote last */
	PHASE_ANSWERED, /* somebody answered */
};

struct dialog {
	int64_t id;
	int64_t client;
	int64_t begin, end; /* end 0: open */
	int64_t next_at;    /* of its next event; 0: none planned */
	struct rng rng;
	int32_t *messages; /* indexes, ascending */
	size_t messages_n, messages_cap;
	int32_t channel;  /* index into world_channels */
	int32_t assignee; /* who has it, or NO_OPERATOR */
	int32_t request;  /* the newest one, or -1 */
	int32_t previous; /* the one before, or -1 */
	enum phase phase;
	int32_t agents; /* Qiscus: how many it has, more than one by mistake */
	bool stranger;  /* Chatwoot: the API gave it to one who is no member */
	int64_t labelled_at; /* by a control call, without a message; 0: not */
	bool gone; /* removed by a control call: the API does not show it any
		      more */
};

enum operator_kind { HUMAN, ROBOT, DISABLED, DELETED };

struct worker {
	int64_t id;
	enum operator_kind kind;
	bool online;
	const char *offline_type; /* NULL: free */
	const char *first_name, *last_name;
	int64_t next_at; /* of its next change of state */
	bool hidden;     /* hired later, or removed: not in /operators */
};

struct channel {
	int64_t id;
	const char *name, *transport;
};
extern const struct channel world_channels[WORLD_CHANNELS];

/* What an account is made from. */
struct world_options {
	const char *token;
	uint64_t seed;
	int64_t dialogs;   /* open at start */
	int64_t operators; /* humans */
	int64_t messages;  /* mean of a dialog's past */
	int64_t pace_ms;   /* mean time between events of an open dialog; 0:
			      nothing happens by itself */
	int64_t start_ms;
	int64_t lag_ms;         /* until a message shows in /messages */
	int64_t id_base;        /* added to every id */
	int hour_from, hour_to; /* operators work between them (UTC) */
	bool request_ids;
	bool tells;    /* service lines say what they are about */
	bool qiscus;   /* closing removes the assignee, and every event has a
			  webhook */
	bool chatwoot; /* every event is a line and has a webhook, and closing
			  keeps the assignee */
	bool apart;    /* each agent of Qiscus or Chatwoot serves one channel,
			  in turn */
	bool by_us;    /* no operator takes dialogs: the API assigns them */
	const char *app;
	const char *webhook_secret; /* Chatwoot signs with it */
};

/* The event of a webhook: of Qiscus, where each kind has its own; of Chatwoot,
 * where one has all. */
enum push_kind {
	PUSH_WAITING,
	PUSH_RESOLVED,
	PUSH_SESSION,
	PUSH_KINDS,
	PUSH_CREATED = PUSH_KINDS,
	PUSH_MESSAGE,
	PUSH_STATUS,
	PUSH_ASSIGNEE,
	PUSH_LABELS
};

struct event {
	int64_t at;
	enum push_kind kind;
	int32_t dialog;
	int32_t who;    /* who held it, or NO_OPERATOR */
	int32_t before; /* PUSH_ASSIGNEE: who held it before */
	int32_t message;
	bool is_new; /* the first message of a session; PUSH_STATUS: opened */
};

struct webhook {
	char *url; /* NULL: none */
	bool on;
};

/* What happened to who has a dialog, in its order. */
enum deed_kind {
	DEED_WAITS,    /* a customer wrote, and nobody holds it */
	DEED_ASSIGNED, /* the API gave it to somebody, */
	DEED_GIVEN,    /* somebody else did, or took it from the one it had */
	DEED_RESOLVED,
	DEED_ONLINE, /* an operator may be given some, */
	DEED_OFFLINE /* and may not */
};

struct deed {
	int64_t at;
	enum deed_kind kind;
	int32_t dialog; /* -1: of an operator */
	int32_t who,
	    before;   /* who has it from then on, who had it; NO_OPERATOR */
	int64_t held; /* open dialogs that `who` holds, with this one */
};

enum plan_kind {
	PLAN_DIALOG,   /* the next thing that happens in a dialog */
	PLAN_OPERATOR, /* an operator's next change of state */
	PLAN_ARRIVAL,  /* a new client */
};

/* An event to come. One of a dialog or operator counts only if its time is
 * still their next_at: whoever plans anew need not search the heap. */
struct planned {
	int64_t at;
	int64_t order; /* breaks ties in the order of planning */
	enum plan_kind kind;
	int32_t who;
};

struct world {
	struct world_options opt;
	int64_t now; /* events up to here have happened */
	struct rng rng;
	struct worker *operators;
	size_t operators_n;
	struct dialog *dialogs;
	size_t dialogs_n, dialogs_cap;
	struct request *requests;
	size_t requests_n, requests_cap;
	struct message *messages;
	size_t messages_n, messages_cap;
	struct planned *plan; /* a binary heap */
	size_t plan_n, plan_cap;
	int64_t planned; /* ever */
	int64_t next_message_id, next_request_id;
	bool ids_later; /* making the past: ids follow when it is sorted */
	struct event *events; /* whose webhooks are still to be sent */
	size_t happenings_n, happenings_cap;
	struct webhook webhooks[PUSH_KINDS];
	struct deed *deeds;
	size_t deeds_n, deeds_cap;
	uint64_t calls;               /* counted API calls */
	int64_t minute, minute_calls; /* of the rate limit */
};

/* Lookups, of what is gone too; NULL when there is none. Ids are the API's. */
struct dialog *world_dialog(const struct world *w, int64_t id);
struct message *world_message(const struct world *w, int64_t id);
struct request *world_request(const struct world *w, int64_t id);
int32_t world_operator(const struct world *w, int64_t id); /* or NO_OPERATOR */

/* Index of the first message with an id >= id. */
size_t world_message_from(const struct world *w, int64_t id);

/* The newest message of a dialog, or NULL. */
const struct message *world_last(const struct world *w, const struct dialog *d);

/* Whether /messages shows it already. */
bool world_visible(const struct world *w, const struct message *m);

/* Whether a line reports each closing, opening and change of the assignee. */
static inline bool
world_tells_all(const struct world *w)
{
	return w->opt.qiscus || w->opt.chatwoot;
}

/* Changes, all at the time t. The index of what was added is returned. */
int32_t world_add_dialog(struct world *w, int64_t client, int64_t t);
int32_t world_open_request(struct world *w, int32_t dialog, int64_t t);
void world_close(struct world *w, int32_t dialog, int64_t t);
int32_t world_say(struct world *w, int32_t dialog, enum message_type type,
    int32_t author, int64_t t);

/* Takes down what happened just now. */
void world_did(struct world *w, enum deed_kind kind, int32_t dialog,
    int32_t who, int32_t before);

/* Gives a dialog to somebody, or to NO_OPERATOR; tells of it if Qiscus does. */
void world_give(struct world *w, int32_t dialog, int32_t who, int64_t t);

/* Chatwoot: it has the label "new" first. */
void world_label(struct world *w, int32_t dialog);

/* A service line; author is whom a transfer names. */
void world_tell(struct world *w, int32_t dialog, enum service_line service,
    int32_t author, int64_t t);

/* The heap of events to come: adds one; takes the first one up to until. */
void world_plan(struct world *w, enum plan_kind kind, int32_t who, int64_t at);
bool world_due(struct world *w, int64_t until, struct planned *next);

void world_release(struct world *w);

#endif
