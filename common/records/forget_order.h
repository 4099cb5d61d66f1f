/*
 * forget_order: what `reaper --forget` asks of a program that keeps a state and
 * runs: a file in the folder FORGET_FOLDER of the state, written by
 * statefile_write() under a name that ends in FORGET_ENDING. The program
 * removes it once nothing of the customer is left in the state, and leaves an
 * empty one that ends in FORGET_DONE: one that does not run all the time may
 * have ended when it is asked for.
 */
#ifndef COMMON_RECORDS_FORGET_ORDER_H
#define COMMON_RECORDS_FORGET_ORDER_H

#include "common/base/buf.h"
#include "common/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define FORGET_FOLDER "forget"
#define FORGET_ENDING ".order"
#define FORGET_DONE ".done"

struct forget_order {
	struct text tenant, customer; /* the id at the CRM */
	int64_t asked_at;  /* what the customer did later stays, in ms */
	struct text chats; /* of theirs: each id as pack_put_text() has it */
	/* What takes the place of the id where things are counted by user; of
	 * length 0 where an operator has the same id, or had it. */
	struct text alias;
};

/* Whether it is one of its chats. */
bool forget_order_has_chat(const struct forget_order *o, struct text chat);

/* Appends it as bytes. */
void forget_order_pack(const struct forget_order *o, struct buf *to);

/* Borrows from the bytes. -1: they are no order. */
int forget_order_unpack(struct forget_order *o, const void *p, size_t len)
    __attribute__((warn_unused_result));

#endif
