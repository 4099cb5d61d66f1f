/*
 * operator_directory: the operators of each tenant: those that [crm NAME]
 * operators names, and those that the CRM listed at the last poll. The latter
 * are read from the poller's state, again once a minute, also when it was
 * missing before or was replaced. Nothing is written to it but LMDB's lock
 * file.
 *
 * Any thread may call operator_directory_has() at any time.
 */
#ifndef POLLER_HOOKS_OPERATOR_DIRECTORY_H
#define POLLER_HOOKS_OPERATOR_DIRECTORY_H

#include "common/conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct operator_directory;

/* The poller's folder is [poller] state, or `state` if that is not set, the
 * listener's own; NULL if there is none. Call it before there are threads: a
 * child process checks a state. A state that cannot be used is logged, once,
 * and left out; one that is missing is logged when an operator is looked up,
 * unless the configuration names operators. Owned; the configuration must
 * outlive it.
 */
struct operator_directory *operator_directory_open(const struct conf *conf,
    const char *state) __attribute__((warn_unused_result));

/* NULL is fine. */
void operator_directory_close(struct operator_directory *l);

bool operator_directory_has(struct operator_directory *l, const char *tenant,
    const char *id, int64_t now_ms);

#endif
