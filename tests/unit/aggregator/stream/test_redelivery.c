/*
 * Tests of aggregator/stream/redelivery: what is known of messages that come
 * again, in which order soever a run is killed, commits and acknowledges.
 */
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/stream/redelivery.h"

#define SEED 7

static uint64_t
begin(struct redelivery *v, uint64_t connection, const char *id,
    const char *body, bool again)
{
	const struct redelivery_message m = { id, body, strlen(body),
		connection, again };

	return redelivery_begin(v, &m);
}

static void
flush_and_ack(struct redelivery *t, uint64_t connection)
{
	redelivery_flushed(t);
	redelivery_acked(t, connection);
}

/* Taken in whole, so many lines. */
static void
take(struct redelivery *v, uint64_t connection, const char *id,
    const char *body, uint64_t lines)
{
	assert_int_equal(begin(v, connection, id, body, false), 0);
	redelivery_upto(v, lines);
	redelivery_whole(v);
}

static void
one_with_an_id_is_known_by_it_and_its_bytes(void **state)
{
	struct redelivery v;

	(void)state;
	redelivery_init(&v, SEED);
	take(&v, 1, "a", "one", 1);
	take(&v, 1, "b", "one", 2);
	flush_and_ack(&v, 1);
	/* The publisher sent it again, not the broker. */
	assert_int_equal(begin(&v, 1, "b", "one", false), 2);
	assert_int_equal(begin(&v, 1, "a", "one", true), 1);
	assert_int_equal(begin(&v, 1, "a", "two", true), 0);
	assert_int_equal(begin(&v, 1, "c", "one", true), 0);
	redelivery_release(&v);
}

static void
one_without_is_known_while_it_may_come_again(void **state)
{
	struct redelivery v;

	(void)state;
	redelivery_init(&v, SEED);
	take(&v, 1, NULL, "one", 1);
	take(&v, 1, NULL, "two", 2);
	/* The same bytes, through the same connection, are another one. */
	assert_int_equal(begin(&v, 1, NULL, "one", false), 0);
	redelivery_upto(&v, 1);
	assert_int_equal(begin(&v, 1, NULL, "one", true), 0);
	redelivery_upto(&v, 1);
	/* Each accounts for one that comes again. */
	assert_int_equal(begin(&v, 2, NULL, "one", true), 1);
	assert_int_equal(begin(&v, 2, NULL, "two", true), 2);
	assert_int_equal(begin(&v, 2, NULL, "one", true), 1);
	assert_int_equal(begin(&v, 2, NULL, "one", true), 1);
	assert_int_equal(begin(&v, 2, NULL, "one", true), 0);
	redelivery_whole(&v);
	flush_and_ack(&v, 2);
	assert_int_equal(begin(&v, 3, NULL, "two", true), 0);
	redelivery_release(&v);
}

static void
a_new_one_tells_that_no_more_of_them_come(void **state)
{
	struct redelivery v;

	(void)state;
	redelivery_init(&v, SEED);
	take(&v, 1, NULL, "one", 1);
	take(&v, 1, "a", "two", 1);
	assert_int_equal(begin(&v, 2, NULL, "three", false), 0);
	assert_int_equal(begin(&v, 2, NULL, "one", true), 0);
	assert_int_equal(begin(&v, 2, "a", "two", true), 1);
	redelivery_release(&v);
}

static void
a_part_of_one_is_known(void **state)
{
	struct redelivery v;

	(void)state;
	redelivery_init(&v, SEED);
	assert_int_equal(begin(&v, 1, NULL, "one", false), 0);
	redelivery_hold(&v, 2);
	redelivery_hold(&v, 4);
	redelivery_upto(&v, 4);
	/* It is not whole, so it was not acknowledged. */
	flush_and_ack(&v, 1);
	assert_int_equal(begin(&v, 2, NULL, "one", true), 4);
	assert_true(redelivery_holds(&v, 2) && redelivery_holds(&v, 4));
	assert_false(redelivery_holds(&v, 1) || redelivery_holds(&v, 3));
	redelivery_upto(&v, 6);
	redelivery_whole(&v);
	assert_int_equal(begin(&v, 3, NULL, "one", true), 6);
	redelivery_release(&v);
}

static void
the_last_ones_with_an_id_are_kept(void **state)
{
	struct redelivery v;
	char id[32];
	size_t i;

	(void)state;
	redelivery_init(&v, SEED);
	for (i = 0; i < 3 * REDELIVERY_NAMED; i++) {
		(void)snprintf(id, sizeof id, "%zu", i);
		take(&v, 1, id, "body", 1);
		take(&v, 1, NULL, id, 1);
		if (i % 7 == 0)
			flush_and_ack(&v, 1);
	}
	flush_and_ack(&v, 1);
	assert_true(v.n < 4 * REDELIVERY_NAMED);
	(void)snprintf(id, sizeof id, "%zu", i - REDELIVERY_NAMED);
	assert_int_equal(begin(&v, 1, id, "body", false), 1);
	(void)snprintf(id, sizeof id, "%zu", i - REDELIVERY_NAMED - 1);
	assert_int_equal(begin(&v, 1, id, "body", false), 0);
	redelivery_release(&v);
}

static void
damaged_bytes_do_no_harm(void **state)
{
	struct redelivery v;
	struct buf b = BUF_INIT;
	size_t len;
	char *copy;

	(void)state;
	redelivery_init(&v, SEED);
	assert_int_equal(begin(&v, 1, NULL, "one", false), 0);
	redelivery_hold(&v, 1);
	redelivery_upto(&v, 3);
	assert_int_equal(redelivery_pack(&v, true, &b), 0);
	buf_clear(&b);
	assert_int_equal(redelivery_pack(&v, false, &b), 1);
	redelivery_release(&v);
	assert_int_equal(redelivery_unpack(&v, b.data, b.len), 1);
	assert_int_equal(begin(&v, 1, NULL, "one", true), 3);
	assert_true(redelivery_holds(&v, 1));
	redelivery_release(&v);
	for (len = 0; len < b.len; len++) {
		/* Of exactly that size, for the sanitizer's sake. */
		copy = xmalloc(len + 1);
		memcpy(copy, b.data, len);
		copy[len] = (char)255;
		if (len > 1)
			assert_int_equal(redelivery_unpack(&v, copy, len), -1);
		redelivery_release(&v);
		copy[len / 2] ^= (char)255;
		if (redelivery_unpack(&v, copy, len + 1) != -1)
			assert_int_equal(begin(&v, 1, "a", "two", true), 0);
		free(copy);
		redelivery_release(&v);
	}
	buf_release(&b);
}

/* A queue, what reads it, and what that has on its disk. */
#define MESSAGES 400
#define LINES 4

struct play {
	struct redelivery v;
	bool named;
	size_t acked;                          /* of the queue */
	size_t sent;                           /* to a reader so far */
	unsigned count[MESSAGES][LINES + 1];   /* committed */
	unsigned pending[MESSAGES][LINES + 1]; /* not yet */
	struct buf disk[2];
};

static uint64_t dice_state = DICE_START;

static size_t
dice(size_t below)
{
	return (size_t)dice_below(&dice_state, below);
}

static void
commit(struct play *p)
{
	size_t i, j;

	for (i = 0; i < MESSAGES; i++)
		for (j = 1; j <= LINES; j++)
			p->count[i][j] += p->pending[i][j];
	memset(p->pending, 0, sizeof p->pending);
	/* In the state each commit has an entry of its own. */
	if (p->disk[0].len == 0)
		(void)redelivery_pack(&p->v, true, &p->disk[0]);
	else {
		struct buf more = BUF_INIT;

		(void)redelivery_pack(&p->v, true, &more);
		buf_add(&p->disk[0], more.data + 1, more.len - 1);
		buf_release(&more);
	}
	buf_clear(&p->disk[1]);
	(void)redelivery_pack(&p->v, false, &p->disk[1]);
}

static void
restart(struct play *p)
{
	size_t i;

	redelivery_release(&p->v);
	memset(p->pending, 0, sizeof p->pending);
	for (i = 0; i < ARRAY_LEN(p->disk); i++)
		if (p->disk[i].len > 0)
			assert_int_not_equal(
			    redelivery_unpack(
				&p->v, p->disk[i].data, p->disk[i].len),
			    -1);
}

/* From what is not acknowledged on, until it is killed or all is read. */
static void
read_on(struct play *p, uint64_t connection)
{
	size_t m = p->acked, line, whole = m, flushed = 0;
	bool unconfirmed = false;
	uint64_t known;
	char text[32];

	for (; m < MESSAGES; m++) {
		bool again = m < p->sent;

		(void)snprintf(text, sizeof text, "message %zu", m);
		known = begin(
		    &p->v, connection, p->named ? text : NULL, text, again);
		/* Some are sent that were never read. */
		if (!again)
			p->sent = m + 1 + dice(5);
		for (line = 1; line <= LINES; line++) {
			if (line > known)
				p->pending[m][line]++;
			redelivery_upto(&p->v, line);
			if (line == LINES) {
				redelivery_whole(&p->v);
				whole = m + 1;
			}
			if (dice(20) == 0)
				return;
			if (dice(10) == 0)
				commit(p);
			if (!unconfirmed && dice(10) == 0) {
				commit(p);
				flushed = whole;
				redelivery_flushed(&p->v);
				unconfirmed = true;
			}
			/* More came since it was flushed. */
			if (!unconfirmed || dice(3) != 0)
				continue;
			if (dice(4) == 0)
				return; /* committed, not acknowledged */
			p->acked = flushed;
			if (dice(4) == 0)
				return; /* nor is that known */
			redelivery_acked(&p->v, connection);
			unconfirmed = false;
		}
	}
	commit(p);
	p->acked = MESSAGES;
}

static void
kills_at_any_moment_count_each_line_once(void **state)
{
	static struct play p;
	uint64_t connection;
	size_t round, i, j;

	(void)state;
	for (round = 0; round < 40; round++) {
		memset(&p, 0, sizeof p);
		p.named = round % 2 == 0;
		redelivery_init(&p.v, SEED);
		for (connection = 1; p.acked < MESSAGES; connection++) {
			/* The link broke, or the process was killed. */
			if (dice(2) == 0)
				restart(&p);
			read_on(&p, connection);
		}
		for (i = 0; i < MESSAGES; i++)
			for (j = 1; j <= LINES; j++)
				assert_int_equal(
				    p.count[i][j] + p.pending[i][j], 1);
		redelivery_release(&p.v);
		buf_release(&p.disk[0]);
		buf_release(&p.disk[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_with_an_id_is_known_by_it_and_its_bytes),
		cmocka_unit_test(one_without_is_known_while_it_may_come_again),
		cmocka_unit_test(a_new_one_tells_that_no_more_of_them_come),
		cmocka_unit_test(a_part_of_one_is_known),
		cmocka_unit_test(the_last_ones_with_an_id_are_kept),
		cmocka_unit_test(damaged_bytes_do_no_harm),
		cmocka_unit_test(kills_at_any_moment_count_each_line_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
