/*
 * world: the data of one account of the simulated CRM: operators, channels,
 * dialogs, requests and messages, as arrays in memory. Names are those of
 * Chat2Desk; for Qiscus a dialog is a room and a request is a session.
 *
 * A dialog is the permanent thread of one client on one channel. A request is
 * one contact in it, from its first message to its closing. Ids of messages and
 * requests increase with time, so arrays are sorted by id. Nothing is ever
 * removed: indexes stay valid, but pointers only until the next change.
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

/* The event of a system message, which extra_data names in addition to the
 * text. */
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
	uint8_t text; /* WORLD_TEXTS: a photo instead of a text */
	bool read;
};

struct request {
	int64_t id;
	int64_t begin, end; /* end 0: still running */
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
	int64_t next_at;    /* time of its next event; 0: none is planned */
	struct rng rng;
	int32_t *messages; /* indexes, ascending */
	size_t messages_n, messages_cap;
	int32_t channel;  /* index into world_channels */
	int32_t assignee; /* the assignee, or NO_OPERATOR */
	int32_t request;  /* the newest one, or -1 */
	int32_t previous; /* the one before, or -1 */
	enum phase phase;
	int32_t agents; /* Qiscus: its number of agents, which is more than one
			 * by mistake */
	bool stranger;  /* Chatwoot: the API gave it to an agent who is not a
			 * member */
	int64_t labelled_at; /* when a control call labelled it, without a
			      * message; 0: never */
	int64_t snoozed_at; /* Chatwoot: when a control call snoozed it; 0 since
			     * the client has written */
	bool gone; /* removed by a control call: the API no longer shows it */
};

enum operator_kind { HUMAN, ROBOT, DISABLED, DELETED };

struct worker {
	int64_t id;
	enum operator_kind kind;
	bool online;
	const char *offline_type; /* NULL: free */
	const char *first_name, *last_name;
	int64_t next_at; /* time of its next change of state */
	bool hidden;     /* hired later, or removed: not in /operators */
};

/* True if Qiscus and Chatwoot list it as an agent. */
static inline bool
worker_is_agent(const struct worker *o)
{
	return o->kind == HUMAN && !o->hidden;
}

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
			    * nothing happens on its own */
	int64_t start_ms;
	int64_t lag_ms;         /* delay until a message shows in /messages */
	int64_t id_base;        /* added to every id */
	int hour_from, hour_to; /* operators work between them (UTC) */
	bool request_ids;
	bool tells;    /* system messages say what they are about */
	bool qiscus;   /* closing removes the assignee, and every event has a
			* webhook */
	bool chatwoot; /* every event has a system message and a webhook, and
			* closing keeps the assignee */
	bool apart;    /* each agent of Qiscus or Chatwoot serves one channel,
			* in turn */
	bool by_us;    /* no operator takes dialogs: the API assigns them */
	const char *app;
	const char *webhook_secret; /* Chatwoot signs with it */
};

/* The event of a webhook. Qiscus has a webhook for each kind, Chatwoot one for
 * all kinds. */
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
	int32_t who;    /* who had it, or NO_OPERATOR */
	int32_t before; /* PUSH_ASSIGNEE: who had it before */
	int32_t message;
	bool is_new; /* the first message of a session; PUSH_STATUS: opened */
};

struct webhook {
	char *url; /* NULL: none */
	bool on;
};

/* The journal of assignments, in their order. */
enum deed_kind {
	DEED_WAITS,    /* a customer wrote and nobody is assigned */
	DEED_ASSIGNED, /* the API assigned it */
	DEED_GIVEN,    /* somebody else assigned it, or took it from its
			* assignee */
	DEED_RESOLVED,
	DEED_ONLINE, /* an operator may be given dialogs */
	DEED_OFFLINE /* an operator may not be given dialogs */
};

struct deed {
	int64_t at;
	enum deed_kind kind;
	int32_t dialog;      /* -1: about an operator */
	int32_t who, before; /* the assignee after and before it; NO_OPERATOR */
	int64_t held; /* open dialogs that `who` has, including this one */
};

enum plan_kind {
	PLAN_DIALOG,   /* the next thing that happens in a dialog */
	PLAN_OPERATOR, /* an operator's next change of state */
	PLAN_ARRIVAL,  /* a new client */
};

/* A planned event. An event of a dialog or an operator counts only if its time
 * is still their next_at. A new plan therefore need not search the heap for the
 * old one. */
struct planned {
	int64_t at;
	int64_t order; /* events at the same time happen in the order of
			* planning */
	enum plan_kind kind;
	int32_t who;
};

struct world {
	struct world_options opt;
	int64_t now; /* all events up to here have happened */
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
	int64_t planned; /* number of events ever planned */
	int64_t next_message_id, next_request_id;
	bool ids_later;       /* the past is being made: ids follow when it is
			       * sorted */
	struct event *events; /* events whose webhooks are still to be sent */
	size_t happenings_n, happenings_cap;
	struct webhook webhooks[PUSH_KINDS];
	struct deed *deeds;
	size_t deeds_n, deeds_cap;
	uint64_t calls; /* counted API calls */
};

/* Lookups, which also find removed objects; NULL if there is none. Ids are
 * those of the API. */
struct dialog *world_dialog(const struct world *w, int64_t id);
int32_t world_operator(const struct world *w, int64_t id); /* or NO_OPERATOR */

/* The number of open dialogs that an operator has. */
int64_t world_load(const struct world *w, int32_t who);

/* The newest message of a dialog, or NULL. */
const struct message *world_last(const struct world *w, const struct dialog *d);

/* True if /messages already shows it. */
bool world_visible(const struct world *w, const struct message *m);

/* True if a system message reports each closing, opening and change of the
 * assignee. */
static inline bool
world_tells_all(const struct world *w)
{
	return w->opt.qiscus || w->opt.chatwoot;
}

/* Changes, all at time t. Each function returns the index of the added
 * element. */
int32_t world_add_dialog(struct world *w, int64_t client, int64_t t);
int32_t world_open_request(struct world *w, int32_t dialog, int64_t t);
void world_close(struct world *w, int32_t dialog, int64_t t);
int32_t world_say(struct world *w, int32_t dialog, enum message_type type,
    int32_t author, int64_t t);

/* Records in the journal what just happened. */
void world_did(struct world *w, enum deed_kind kind, int32_t dialog,
    int32_t who, int32_t before);

/* Assigns a dialog to an operator, or to NO_OPERATOR. Reports it if Qiscus
 * would. */
void world_give(struct world *w, int32_t dialog, int32_t who, int64_t t);

/* Chatwoot: adds the label "new" to the dialog. */
void world_label(struct world *w, int32_t dialog);

/* Adds a system message; author is the operator whom a transfer names. */
void world_tell(struct world *w, int32_t dialog, enum service_line service,
    int32_t author, int64_t t);

/* The heap of planned events: the first function adds one; the second takes the
 * first one up to `until`. */
void world_plan(struct world *w, enum plan_kind kind, int32_t who, int64_t at);
bool world_due(struct world *w, int64_t until, struct planned *next);

void world_release(struct world *w);

#endif
