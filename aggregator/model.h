/*
 * model: what is known of one tenant, from one snapshot or from a stream of
 * records: operators, chats, messages, events. Records are added in any
 * order; model_settle() then derives everything the figures are made of, so
 * that a figure only reads. The figures do not know which of the two it was.
 */
#ifndef AGGREGATOR_MODEL_H
#define AGGREGATOR_MODEL_H

#include "common/record.h"

#include "aggregator/clocks.h"
#include "aggregator/stats.h"

/* What a chat record said. */
struct description {
	struct description *next;
	int64_t at; /* as of when; CLOCK_NONE: nobody knows */
	int64_t opened_at;
	enum chat_status status;
	struct name *holder;
	struct name *channel;
	struct name *customer, *customer_name, *customer_phone;
	struct name *tag;
};

struct chat {
	struct name *id;
	struct description *descriptions; /* usually one; in no order */
	struct message *messages;
	size_t n, cap;

	/* Derived. */
	struct description now;
	struct name *told_holder; /* by the newest description */
	int64_t last_message_at;
	int64_t waiting_since;
	int64_t first_response; /* STATS_NONE: none */
	size_t messages_counted, participants, skewed;
	struct sample responses;
};

struct operator_info {
	struct name *id;
	struct name *name;
	int64_t reported_open_chats;
	bool listed, available, has_available;

	/* Derived, over ongoing chats. */
	bool present; /* has a row */
	size_t open_chats, waiting_chats;
	int64_t longest_wait; /* STATS_NONE: nobody waits */
	struct sample responses, first_responses;
};

struct event {
	int64_t at;
	struct name *user, *event;
};

/* Over all chats of the tenant, derived. */
struct tenant_totals {
	size_t operators, open_chats, unassigned_chats, waiting_chats, skewed;
	int64_t longest_wait;
	struct sample responses;
};

struct model {
	char *tenant;
	bool stream;   /* else a snapshot */
	int64_t as_of; /* of a stream: the newest `at` */
	struct arena arena;
	struct names names;
	struct strmap chat_map, event_map;
	struct chat *last_chat; /* messages come chat by chat */
	const char *text_of;    /* the chat whose text is kept; may be NULL */

	/* In the order of METRICS once settled: by id. */
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;
	struct event **events; /* by user, event */
	size_t events_n, events_cap;

	struct tenant_totals totals;
	uint32_t serial; /* of episodes; see struct name */
};

/* as_of CLOCK_NONE for a stream: its records tell. */
void model_init(
    struct model *m, struct text tenant, bool stream, int64_t as_of);
void model_release(struct model *m);

/* Takes in one record of the tenant; what no figure needs is skipped. */
void model_add(struct model *m, const struct record *r);

/* Adds what the other knows, before either is settled. */
void model_copy(struct model *to, const struct model *from);

/* The operator of that id, created if it is not known; never NULL. */
struct operator_info *model_operator(struct model *m, struct name *id);

/* The chat of that id, or NULL. */
struct chat *model_find_chat(const struct model *m, const char *id);

/* Derives everything. Once, after the last record. */
void model_settle(struct model *m, const struct rules *rules);

/* Ongoing: what the figures are over. */
static inline bool
chat_is_open(const struct chat *c)
{
	return c->now.status == CHAT_OPEN;
}

/* The walk's view of a settled chat. */
struct clocks_chat model_clocks_chat(
    const struct model *m, const struct chat *c);

#endif
