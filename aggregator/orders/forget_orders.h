/*
 * forget_orders: the orders to forget customers that lie in the folder of a
 * state (common/records/forget_order.h), for the program whose state it is.
 */
#ifndef AGGREGATOR_ORDERS_FORGET_ORDERS_H
#define AGGREGATOR_ORDERS_FORGET_ORDERS_H

#include "common/base/prog.h"
#include "common/containers/strmap.h"
#include "common/records/forget_order.h"

struct forget_order_file {
	char *path;
	struct buf bytes;
	struct forget_order order; /* borrows from them */
};

struct forget_orders {
	struct forget_order_file *file;
	size_t n, cap;
};

/* Whether there is one. An order that cannot be read does not count: it stays,
 * and its path is put into *unread, so that a warning names it once. */
bool forget_orders_any(const char *state, struct strmap *unread);

/* Reads all of them; *to is zeroed before. */
void forget_orders_read(
    const char *state, struct strmap *unread, struct forget_orders *to);
void forget_orders_release(struct forget_orders *o);

/* Removes them: they are carried out. PROG_OK, or the code and *why. */
enum exit_code forget_orders_finish(const struct forget_orders *o,
    struct buf *why) __attribute__((warn_unused_result));

#endif
