/*
 * operator_directory: who is an operator of a tenant: those that [crm NAME]
 * operators names, and those that the poller saw when it last asked the CRM.
 * These are read from the poller's state, which is looked at again once a
 * minute, also when it was not there before or was replaced. Nothing is made in
 * it but marks in LMDB's lock file.
 *
 * Any thread may ask at any time.
 */
#ifndef POLLER_HOOKS_OPERATOR_DIRECTORY_H
#define POLLER_HOOKS_OPERATOR_DIRECTORY_H

#include "common/conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct operator_directory;

/* The poller's folder is [poller] state, or `state` if that is not set: the
 * listener's own; NULL if there is none. Call it before there are threads: a
 * state is examined by a child. What cannot be used is told, once, and done
 * without; that there is none yet is told when it is asked for, unless the
 * configuration names operators. Owned; the configuration must outlive it. */
struct operator_directory *operator_directory_open(const struct conf *conf,
    const char *state) __attribute__((warn_unused_result));

/* NULL is fine. */
void operator_directory_close(struct operator_directory *l);

bool operator_directory_has(struct operator_directory *l, const char *tenant,
    const char *id, int64_t now_ms);

#endif
