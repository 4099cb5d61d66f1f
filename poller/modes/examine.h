/*
 * examine: the questions of poller --check, each put once to a tenant's CRM,
 * and what was found.
 */
#ifndef POLLER_MODES_EXAMINE_H
#define POLLER_MODES_EXAMINE_H

#include "common/base/buf.h"
#include "poller/client/fetch.h"
#include "poller/client/tenant.h"
#include "poller/poll/chat_lists.h"
#include "poller/quota/cost.h"
#include "poller/store/store.h"

enum check_step {
	STEP_PROFILE,
	STEP_ADDRESS,
	STEP_TOKEN,
	STEP_CLOCK,
	STEP_OPERATORS,
	STEP_CHATS,
	STEP_MESSAGES,
	STEP_CUSTOMER,
	STEP_STATE,
	STEP_CALLS,
	STEPS
};

struct finding {
	enum { UNKNOWN, GOOD, ADVICE, BAD } result;
	struct buf detail;
};

struct examined {
	const struct tenant *tenant;
	const struct conf *conf;
	struct fetch *fetch;
	struct store *store; /* or NULL */
	struct skew skew;
	struct finding findings[STEPS];
	uint64_t operators, available, operator_pages;
	uint64_t chats, unassigned, pages, recent, messages;
	int64_t silence_ms; /* see changed_per_minute() */
	int64_t oldest;     /* chat's beginning; CLOCK_NONE */
	struct operators directory;
	struct chat_lists lists;
	struct value *sample; /* a chat whose messages are read */
	char *customer;
	struct cost cost;
	enum exit_code code;
};

/* Puts the questions; state is the folder of the state, or NULL. The answers
 * come by fetch_turn(). */
void examine_begin(struct examined *p, struct http *http,
    const struct conf *conf, const struct tenant *t, const char *state);

/* When all answers are there: what they say together. */
void examine_end(struct examined *p);

void examine_release(struct examined *p);

#endif
