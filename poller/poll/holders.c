/*
 * holders: see holders.h.
 */
#include "poller/poll/holders.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

void
holders_release(struct holders *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		crm_record_release(&h->others[i]);
	free(h->others);
	free(h->writer);
	*h = (struct holders){ .n = 0 };
}

static bool
is_of(const struct crm_record *r, const char *operator_id)
{
	return r->operator_id != NULL &&
	       strcmp(r->operator_id, operator_id) == 0;
}

static void
swap_records(struct crm_record *a, struct crm_record *b)
{
	struct crm_record other = *a;

	*a = *b;
	*b = other;
}

/* The record of that holder among the others, or NULL. */
static struct crm_record *
find_other(const struct holders *h, const char *operator_id)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		if (is_of(&h->others[i], operator_id))
			return &h->others[i];
	}
	return NULL;
}

void
holders_add(struct holders *h, struct crm_record *listed, struct crm_record *r)
{
	struct crm_record *same;

	if (r->operator_id == NULL)
		return;
	if (listed->operator_id == NULL || is_of(listed, r->operator_id)) {
		swap_records(listed, r);
		return;
	}
	same = find_other(h, r->operator_id);
	if (same == NULL) {
		XGROW(h->others, h->n, h->cap);
		same = &h->others[h->n++];
		*same = (struct crm_record){ .type = RECORD_UNKNOWN };
	}
	swap_records(same, r);
}

/* As numbers, if they are some. */
static bool
is_less(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	return n != m ? n < m : strcmp(a, b) < 0;
}

/* Makes that holder's record *listed; false: it is none of them. */
static bool
choose(struct holders *h, struct crm_record *listed, const char *operator_id)
{
	struct crm_record *other = find_other(h, operator_id);

	if (other != NULL)
		swap_records(listed, other);
	return is_of(listed, operator_id);
}

void
holders_choose(struct holders *h, struct crm_record *listed, const char *last)
{
	size_t i;

	if (h->n == 0)
		return;
	h->chosen = choose(h, listed, last);
	for (i = 0; i < h->n && !h->chosen; i++) {
		if (is_less(h->others[i].operator_id, listed->operator_id))
			swap_records(listed, &h->others[i]);
	}
}

void
holders_wrote(struct holders *h, const struct crm_record *listed,
    const struct crm_record *message)
{
	const char *who = message->operator_id;

	if (h->n == 0 || h->chosen || who == NULL ||
	    (h->writer != NULL && message->at < h->writer_at) ||
	    (!is_of(listed, who) && find_other(h, who) == NULL))
		return;
	free(h->writer);
	h->writer = xstrdup(who);
	h->writer_at = message->at;
}

void
holders_settle(struct holders *h, struct crm_record *listed)
{
	if (h->writer != NULL)
		(void)choose(h, listed, h->writer);
}
