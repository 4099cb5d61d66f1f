/*
 * known_operators: the operators of each tenant: those that [crm NAME]
 * operators names, and those that the CRM listed at the last poll; and which
 * accounts of them are bots, by bot_operators there. Those of the CRM are read
 * from the poller's state, again once a minute, also when it was missing before
 * or was replaced. Nothing is written to it but LMDB's lock file.
 *
 * Any thread may call known_operators_find() at any time.
 */
#ifndef POLLER_HOOKS_KNOWN_OPERATORS_H
#define POLLER_HOOKS_KNOWN_OPERATORS_H

#include "common/conf/conf.h"

#include <stdint.h>

struct known_operators;

/* The poller's folder is [poller] state, or `state` if that is not set, the
 * listener's own; NULL if there is none. Call it before there are threads: a
 * child process checks a state. A state that cannot be used is logged, once,
 * and left out; one that is missing is logged when an operator is looked up,
 * unless the configuration names operators. Owned; the configuration must
 * outlive it.
 */
struct known_operators *known_operators_open(const struct conf *conf,
    const char *state) __attribute__((warn_unused_result));

/* NULL is fine. */
void known_operators_close(struct known_operators *l);

/* The numbers are kept with the keys of requests. */
enum known_operator {
	KNOWN_OPERATOR_NONE = 0,
	KNOWN_OPERATOR_PERSON = 1,
	KNOWN_OPERATOR_BOT = 2
};

enum known_operator known_operators_find(struct known_operators *l,
    const char *tenant, const char *id, int64_t now_ms);

#endif
