/*
 * holders: the operators who have one chat at the same time, where chats are
 * listed for each operator. Only one of them counts: the one who counted at the
 * last poll, else the one who joined or wrote last, else the least id. So it is
 * the same one in each poll, in whichever order the lists come.
 */
#ifndef POLLER_POLL_HOLDERS_H
#define POLLER_POLL_HOLDERS_H

#include "poller/profile/crm_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begin with zeros. */
struct holders {
	struct crm_record *others; /* records of the chat: one a holder */
	size_t n, cap;
	bool chosen;  /* by the last poll */
	char *writer; /* one of them, who joined or wrote last; or NULL */
	int64_t writer_at;
};

void holders_release(struct holders *h);

/* The chat came in another list than *listed: takes over *r, which is the new
 * *listed if that one has the same holder or none. */
void holders_add(
    struct holders *h, struct crm_record *listed, struct crm_record *r);

/* Once all lists are read: last is who counted at the last poll, "" if nobody.
 * Makes *listed the record of who counts by that or the id. */
void holders_choose(
    struct holders *h, struct crm_record *listed, const char *last);

/* A message of the chat: one of the holders may have written it. */
void holders_wrote(struct holders *h, const struct crm_record *listed,
    const struct crm_record *message);

/* Once the messages are read: makes *listed the record of who counts. */
void holders_settle(struct holders *h, struct crm_record *listed);

#endif
