/*
 * tenant_check: the self-check of one tenant for poller --check: puts each kind
 * of question once to its CRM, and collects a finding for each step.
 */
#ifndef POLLER_MODES_TENANT_CHECK_H
#define POLLER_MODES_TENANT_CHECK_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "poller/poll/chat_lists.h"
#include "poller/quota/crm_session.h"

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

extern const char *const tenant_check_names[STEPS];

struct finding {
	enum { UNKNOWN, GOOD, ADVICE, BAD } result;
	struct buf detail;
};

/* Calls a month. */
struct tenant_cost {
	bool state; /* polls keep a state, where calls are counted */
	bool measured;
	int64_t used, expected;
	unsigned interval, apart; /* minutes, see pace.h */
};

struct tenant_check {
	struct crm_session crm; /* its code is that of the first failure */
	const struct conf *conf;
	struct finding findings[STEPS];
	uint64_t operators, available, bots, operator_pages;
	uint64_t chats, unassigned, pages, recent, messages;
	int64_t silence_ms; /* see changed_per_minute() */
	int64_t oldest;     /* earliest opened_at, or CLOCK_NONE */
	struct strmap seen; /* chats: pages may repeat one */
	struct operators directory;
	struct chat_lists lists;
	struct value *sample; /* a chat, to read its messages */
	char *customer;
	struct tenant_cost cost;
};

/* Queues the questions; their answers come by fetch_turn(). state: the folder
 * of the state, or NULL. Pointers are borrowed until tenant_check_release(). */
void tenant_check_begin(struct tenant_check *p, struct http *http,
    const struct conf *conf, const struct tenant *t, const char *state);

/* After the last answer: sets the findings that depend on several answers. */
void tenant_check_end(struct tenant_check *p);

void tenant_check_release(struct tenant_check *p);

#endif
