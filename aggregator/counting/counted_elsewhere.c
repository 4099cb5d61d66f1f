/*
 * counted_elsewhere: see counted_elsewhere.h. Of each response that is counted
 * elsewhere the table has (end, chat, message, kind): its start above bit 0,
 * which says whether it exists. One that ceased stays: its start tells where
 * the vacancy is that a response by the same message fills. Vacancies are
 * (start, chat, "", kind, "") with their number.
 */
#include "aggregator/counting/counted_elsewhere.h"

#define EXISTS UINT64_C(1)

void
counted_elsewhere_open(struct counted_elsewhere *t,
    const struct streaming_metric_setup *setup, const char *name)
{
	t->parts = streaming_metric_in_parts(setup);
	if (t->parts)
		keyed_state_open(
		    &t->table, setup->home, name, sizeof(uint64_t));
}

void
counted_elsewhere_close(struct counted_elsewhere *t)
{
	if (t->parts)
		keyed_state_close(&t->table);
}

static void
response_key(struct key *k, const struct streaming_metric_interval *i)
{
	k->len = 0;
	key_time(k, i->end);
	key_text(k, i->chat);
	key_text(k, i->message);
	key_byte(k, i->kind);
}

static void
vacancy_key(struct key *k, const struct streaming_metric_interval *i,
    enum interval_kind kind, int64_t start)
{
	const struct text none = { NULL, 0 };

	k->len = 0;
	key_time(k, start);
	key_text(k, i->chat);
	key_text(k, none);
	key_byte(k, kind);
	key_text(k, none);
}

static int64_t
start_of(uint64_t response)
{
	return (int64_t)(response >> 1);
}

static bool
fill_vacancy(struct counted_elsewhere *t,
    const struct streaming_metric_interval *i, enum interval_kind kind,
    int64_t start)
{
	struct key k;
	uint64_t *n;

	vacancy_key(&k, i, kind, start);
	n = keyed_state_find(&t->table, k.bytes, k.len);
	if (n == NULL)
		return false;
	if (--*n == 0)
		keyed_state_delete(&t->table, n);
	else
		keyed_state_change(&t->table, n);
	return true;
}

/* A late record makes a reply of a first response, and the other way round. */
static enum interval_kind
other_answer(enum interval_kind kind)
{
	if (kind == INTERVAL_FIRST_RESPONSE)
		return INTERVAL_REPLY;
	if (kind == INTERVAL_REPLY)
		return INTERVAL_FIRST_RESPONSE;
	return kind;
}

static bool
begins(struct counted_elsewhere *t, const struct streaming_metric_interval *i)
{
	struct key k;
	uint64_t *response;
	int64_t before = i->start;

	response_key(&k, i);
	response = keyed_state_find(&t->table, k.bytes, k.len);
	if (response != NULL)
		before = start_of(*response);
	if (!i->elsewhere && !fill_vacancy(t, i, i->kind, i->start) &&
	    !fill_vacancy(t, i, i->kind, before) &&
	    !fill_vacancy(t, i, other_answer(i->kind), i->start))
		return false;
	response = keyed_state_get(&t->table, k.bytes, k.len, NULL);
	*response = (uint64_t)i->start << 1 | EXISTS;
	keyed_state_change(&t->table, response);
	return true;
}

static bool
ceases(struct counted_elsewhere *t, const struct streaming_metric_interval *i)
{
	struct key k;
	uint64_t *response, *n;

	response_key(&k, i);
	response = keyed_state_find(&t->table, k.bytes, k.len);
	if (response == NULL || (*response & EXISTS) == 0)
		return false;
	*response &= ~EXISTS;
	keyed_state_change(&t->table, response);
	vacancy_key(&k, i, i->kind, i->start);
	n = keyed_state_get(&t->table, k.bytes, k.len, NULL);
	++*n;
	keyed_state_change(&t->table, n);
	return true;
}

bool
counted_elsewhere_change(struct counted_elsewhere *t,
    const struct streaming_metric_interval *i, bool withdrawn)
{
	if (!t->parts)
		return false;
	return withdrawn ? ceases(t, i) : begins(t, i);
}

void
counted_elsewhere_expire(struct counted_elsewhere *t, int64_t before)
{
	if (t->parts)
		keyed_state_expire(&t->table, before);
}
