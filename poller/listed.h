/*
 * listed: who is an operator of a tenant: those that [crm NAME] operators
 * names, and those that the poller saw when it last asked the CRM, if they
 * share a state. That is looked at again once a minute.
 *
 * Any thread may ask at any time.
 */
#ifndef POLLER_LISTED_H
#define POLLER_LISTED_H

#include "common/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct listed;

/* state: the poller's folder, NULL if there is none. Call it before there are
 * threads: a state is examined by a child; one that cannot be used is told and
 * done without. Owned; the configuration must outlive it. */
struct listed *listed_open(const struct conf *conf, const char *state)
    __attribute__((warn_unused_result));

/* NULL is fine. */
void listed_close(struct listed *l);

bool listed_has(
    struct listed *l, const char *tenant, const char *id, int64_t now_ms);

#endif
