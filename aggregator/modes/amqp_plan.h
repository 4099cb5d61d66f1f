/*
 * amqp_plan: makes the exchanges, queues and bindings of a list, a command a
 * line, with the rights of the configured user and without tools of the broker.
 * scripts/topology writes such lists.
 *
 *   exchange NAME TYPE        make it; one of another type is an error
 *   queue NAME                make a quorum queue, and NAME.dead
 *   bind EXCHANGE QUEUE KEY   the queue gets the messages with that key
 *   pass FROM TO              bind the exchange TO to FROM
 *   part FROM TO              remove that binding
 *   drop exchange NAME        delete it
 *   drop queue NAME           delete it, and NAME.dead if empty; an error while
 *                             it has messages or a reader, or does not answer
 *   look exchange|queue NAME  print "yes NAME" or "no NAME"
 *   count NAME                print "N NAME", the messages that wait in that
 *                             queue; 0 without such a queue
 *   readers NAME              print "N NAME", its consumers
 *
 * Commands are idempotent: a list may be run again.
 */
#ifndef AGGREGATOR_MODES_AMQP_PLAN_H
#define AGGREGATOR_MODES_AMQP_PLAN_H

#include "common/base/prog.h"
#include "common/conf/conf.h"

/* from: "-" or a file. Stops at the first line that fails, which is logged. */
enum exit_code amqp_plan_run(const struct conf *conf, const char *from)
    __attribute__((warn_unused_result));

#endif
