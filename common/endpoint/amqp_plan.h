/*
 * amqp_plan: makes exchanges, queues and bindings that a list names, a line
 * each, with the rights of our own user and no tool of the broker's. For
 * scripts/topology, which writes such lists.
 *
 *   exchange NAME TYPE        make it; of another type it is an error
 *   queue NAME                ours: quorum, with NAME.dead
 *   bind EXCHANGE QUEUE KEY   the queue gets what has that key
 *   pass FROM TO              an exchange passes all on to another
 *   part FROM TO              no longer
 *   drop exchange NAME        remove it
 *   drop queue NAME           the same, but not while anything is in it or
 *                             anybody reads it; with its NAME.dead, if empty
 *   look exchange|queue NAME  "yes NAME" or "no NAME" on stdout
 *
 * What is so already stays so: a list may be done again.
 */
#ifndef COMMON_ENDPOINT_AMQP_PLAN_H
#define COMMON_ENDPOINT_AMQP_PLAN_H

#include "common/base/prog.h"
#include "common/conf/conf.h"

/* from: "-" or a file. Ends at the first line that fails; logged. */
enum exit_code amqp_plan_run(const struct conf *conf, const char *from)
    __attribute__((warn_unused_result));

#endif
