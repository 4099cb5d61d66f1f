/*
 * receipts: the messages of the input that are not acknowledged yet. A message
 * has one line or several; it is acknowledged when all of them are settled,
 * whatever becomes of the messages before it. For an input that is not a queue,
 * these functions do nothing of consequence.
 */
#ifndef POLLER_NOTIFY_RECEIPTS_H
#define POLLER_NOTIFY_RECEIPTS_H

#include "common/endpoint/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct receipt;
STAILQ_HEAD(receipt_list, receipt);

struct receipts {
	struct endpoint *from;   /* borrowed */
	struct receipt *current; /* of the message that is being read, or
				  * NULL */
	struct receipt_list settled;
	struct endpoint_mark last; /* all messages up to it have a receipt */
};

/* from: NULL is allowed if no other function is called before release. */
void receipts_init(struct receipts *all, struct endpoint *from);
void receipts_release(struct receipts *all);

/* Returns the receipt of the line that was just read, or of a line that was too
 * long. Give it back with receipt_settle(). */
struct receipt *receipt_take(struct receipts *all);

/* The same for one more user of a receipt. */
struct receipt *receipt_share(struct receipt *r);

/* Its user needs the line no more: what had to be written was written, and will
 * be safe before receipts_acknowledge(). */
void receipt_settle(struct receipts *all, struct receipt *r);

/* Returns whether the line can still be acknowledged: if the connection was
 * lost, it will be delivered again. */
bool receipt_is_valid(const struct receipts *all, const struct receipt *r);

/* Commit point: acknowledges the settled messages. */
void receipts_acknowledge(struct receipts *all);

#endif
