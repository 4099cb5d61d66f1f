/*
 * intake: what the routes need to know: the configuration, made ready once,
 * and what the listener remembers of requests. Made by the listener, read by
 * all its threads; what changes inside has locks of its own.
 *
 * Each group of routes keeps its part here and opens it in intake_open().
 */
#ifndef POLLER_INTAKE_H
#define POLLER_INTAKE_H

#include "common/buf.h"
#include "common/conf.h"
#include "common/prog.h"
#include "poller/address.h"
#include "poller/jwt.h"

#include <stdbool.h>

struct hooks;
struct idempotency;
struct listed;

struct intake {
	const struct conf *conf; /* borrowed */

	/* The tenant of the routes whose paths name none; NULL: they are not
	 * there. */
	const char *tenant;
	struct networks trusted;  /* who may use routes without a secret */
	struct jwt_rules jwt;     /* no keys: no bearer tokens */
	char *secrets[JWT_KEYS];  /* what its keys are, if from files */
	struct listed *operators; /* of each tenant */
	struct idempotency *keys; /* of requests that came before */
	size_t max_events;
	/* Webhooks of CRMs; see hook.h. */
	struct hooks *hooks;
	/* Text of openapi.json. */
	struct buf openapi;
};

/* state: the folder of --state, NULL if there is none. The configuration must
 * outlive it. NULL, the code and *why, a whole sentence. Owned. */
struct intake *intake_open(const struct conf *conf, const char *state,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* True when the client at this address may use a route that asks for no
 * secret. peer: as struct web_request has it. */
bool intake_trusts(const struct intake *in, const char *peer);

/* NULL is fine. No request may be under way. */
void intake_close(struct intake *in);

#endif
