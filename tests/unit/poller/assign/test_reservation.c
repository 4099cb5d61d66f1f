/*
 * Test of reservation.h: its table of states, walked; what a reservation asks
 * the CRM, one answer at a time; and what it leaves behind.
 */
#include "tests/unit/growth.h" /* first: it says what the system shows */

#include "tests/unit/reservation_world.h"
#include "tests/unit/transitions.h"

/* Of chat 1 to ann, who takes over from bob and may have two chats. */
static void
begin(struct reservation *p, struct tenant_assigner *c)
{
	const struct record r = { .type = RECORD_ASSIGNMENT,
		.id = { "p1", 2 },
		.chat = { "1", 1 },
		.operator_id = { "ann", 3 },
		.replaces = { "bob", 3 },
		.expires = clock_now_ms() + 60000,
		.max_chats = 2 };

	ended = 0;
	reservation_init(p, c, &r);
	reservation_start(p);
}

/* The answer to a request to give the chat: who has it, or NULL: nobody. */
static void
named(const char *operator_id)
{
	struct profile_answer a = {
		.operator_id = operator_id != NULL ? xstrdup(operator_id) : NULL
	};

	asked.page(asked.ctx, &a, clock_now_ms());
	free(a.operator_id);
}

/* Which operator the outcome names, once; NULL: none. */
static void
outcome_names(const struct reservation *p, const char *operator_id)
{
	static const char key[] = "\"operator\":";
	const char *first = strstr(buf_str(&p->outcome), key);

	assert_int_equal(first != NULL, operator_id != NULL);
	if (first == NULL)
		return;
	first += strlen(key) + 1;
	assert_memory_equal(first, operator_id, strlen(operator_id));
	assert_null(strstr(first, key));
}

/* Bob has the chat when it is read, and ann when her list is. */
static void
overtaken(void *ctx)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)ctx;
	begin(&p, &c);
	assert_int_equal(asked.call, PROFILE_CHAT);
	page("1", "bob");
	end(ERROR_CLASS_NONE);
	assert_int_equal(asked.call, PROFILE_CHATS);
	page("1", "ann");
	end(ERROR_CLASS_NONE);
	assert_int_equal(ended, 1);
	assert_int_equal(p.result, RESERVATION_CONFIRMED);
	outcome_names(&p, "ann");
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* The CRM's clock is past its expiry, or not. */
static enum reservation_state
state_while_the_crm_is_away(struct tenant_assigner *c, bool expired)
{
	struct reservation p;
	enum reservation_state state;

	skew.offset_ms = expired ? HOUR_MS : 0;
	begin(&p, c);
	end(ERROR_CLASS_LATER);
	state = p.state;
	if (state == STATE_DONE)
		assert_int_equal(p.result, RESERVATION_FAILED);
	reservation_release(&p);
	tenant_assigner_release(c);
	skew.offset_ms = 0;
	return state;
}

static void
end_unanswered(void)
{
	const struct ending e = { .error = ERROR_CLASS_LATER,
		.message = "it is silent",
		.outage = true };

	asked.end(asked.ctx, &e);
}

/* Asks about the chat, in vain. */
static void
ask_in_vain(struct tenant_assigner *c, const char *chat, bool outage)
{
	struct reservation p;

	begin_chat(&p, c, chat);
	if (outage)
		end_unanswered();
	else
		end(ERROR_CLASS_LATER);
	assert_int_equal(p.result, RESERVATION_UNANSWERED);
	reservation_release(&p);
}

static void
one_chat_that_fails_is_no_outage(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)state;
	ask_in_vain(&c, "1", false);
	ask_in_vain(&c, "2", false);
	assert_false(is_given_up(&c, "3"));
	ask_in_vain(&c, "1", true);
	assert_true(is_given_up(&c, "1"));
	assert_false(is_given_up(&c, "2"));
	ask_in_vain(&c, "1", true);
	assert_false(is_given_up(&c, "2"));
	ask_in_vain(&c, "2", true);
	assert_true(is_given_up(&c, "3"));
	/* Any answer shows that it is back. */
	begin(&p, &c);
	end(ERROR_CLASS_GONE);
	assert_false(is_given_up(&c, "3"));
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* Those that are asked about show whether the CRM is away: a run that does not
 * wait would spend its retry budget once more on another. */
static void
others_wait_until_it_is_clear(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)state;
	tenant.concurrency = 2;
	init_chat(&p, &c, "2");
	ask_in_vain(&c, "1", true);
	assert_true(reservation_may_start(&p));
	c.active = 1;
	assert_false(reservation_may_start(&p));
	c.wait_forever = true;
	assert_true(reservation_may_start(&p));
	tenant.concurrency = 1;
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* Else what is never answered would fill the window that all tenants share. */
static void
what_expires_while_the_crm_is_away_ends(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation next;

	(void)state;
	c.wait_forever = true;
	assert_int_equal(state_while_the_crm_is_away(&c, false), STATE_WAITING);
	c = new_assigner();
	c.wait_forever = true;
	assert_int_equal(state_while_the_crm_is_away(&c, true), STATE_DONE);
	c = new_assigner();
	ask_in_vain(&c, "3", true);
	ask_in_vain(&c, "4", true);
	c.wait_forever = true;
	init_chat(&next, &c, "2");
	c.active = 1; /* another one is asked about */
	assert_false(reservation_give_up(&next));
	skew.offset_ms = HOUR_MS;
	c.active = 0;
	assert_false(reservation_give_up(&next));
	c.active = 1;
	assert_true(reservation_give_up(&next));
	assert_int_equal(c.active, 1);
	assert_int_equal(next.result, RESERVATION_FAILED);
	skew.offset_ms = 0;
	reservation_release(&next);
	tenant_assigner_release(&c);
}

static void
who_had_the_chat_is_forgotten_whole(void **state)
{
	long bytes;

	(void)state;
	bytes = growth(overtaken, NULL);
	if (bytes > GROWTH_MOST_BYTES)
		fail_msg(
		    "%d of them leave %ld bytes behind", GROWTH_CALLS, bytes);
}

static unsigned
next(unsigned from, unsigned event)
{
	/* What happens is named by the state that follows; none begins anew. */
	return reservation_may_follow((enum reservation_state)from,
		   (enum reservation_state)(event + 1))
		   ? event + 1
		   : RESERVATION_STATES;
}

static void
every_state_is_reached_and_left(void **state)
{
	const struct transitions t = { RESERVATION_STATES,
		RESERVATION_STATES - 1, STATE_NONE, STATE_DONE, next };

	(void)state;
	transitions_walk(&t);
}

/* Nothing is given that was not read since. */
static void
giving_follows_reading(void **state)
{
	unsigned from;

	(void)state;
	for (from = 0; from < RESERVATION_STATES; from++)
		if (from == STATE_NONE || from == STATE_WAITING ||
		    from == STATE_GIVING || from == STATE_SEARCHING)
			assert_false(reservation_may_follow(
			    (enum reservation_state)from, STATE_GIVING));
}

/* Nobody says who has the chat; it is with bob, as his list shows; ann has
 * room; the CRM's answer to giving is lost, and the chat found with ann. */
static void
each_state_asks_its_question(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)state;
	begin(&p, &c);
	assert_int_equal(p.state, STATE_READING);
	page("1", NULL);
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_SEARCHING);
	assert_string_equal(asked.operator_id, "ann");
	page("2", "ann");
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_SEARCHING_REPLACED);
	assert_string_equal(asked.operator_id, "bob");
	page("1", "bob");
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_LISTING);
	assert_string_equal(asked.operator_id, "ann");
	page("2", "ann");
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_GIVING);
	assert_int_equal(asked.call, PROFILE_ASSIGN);
	assert_string_equal(asked.replaces, "bob");
	end(ERROR_CLASS_LATER);
	assert_int_equal(p.state, STATE_WAITING);
	assert_int_equal(reservation_wake(&p, p.due_ms), INT64_MAX);
	assert_int_equal(p.state, STATE_READING);
	page("1", "ann");
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_DONE);
	assert_int_equal(p.result, RESERVATION_FULFILLED);
	assert_int_equal(ended, 1);
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* Not found twice and in no list: only then it is gone. */
static void
gone_is_what_no_list_has(void **state)
{
	static const struct {
		enum reservation_state state;
		const char *whose;
	} lists[] = { { STATE_SEEKING_FREE, NULL }, { STATE_SEEKING, "ann" },
		{ STATE_SEEKING_REPLACED, "bob" } };
	struct tenant_assigner c = new_assigner();
	struct reservation p;
	size_t i;

	(void)state;
	begin(&p, &c);
	end(ERROR_CLASS_GONE);
	assert_int_equal(p.state, STATE_WAITING);
	(void)reservation_wake(&p, p.due_ms);
	end(ERROR_CLASS_GONE);
	for (i = 0; i < 3; i++) {
		assert_int_equal(p.state, lists[i].state);
		if (lists[i].whose == NULL)
			assert_null(asked.operator_id);
		else
			assert_string_equal(asked.operator_id, lists[i].whose);
		page("2", "ann");
		end(ERROR_CLASS_NONE);
	}
	assert_int_equal(p.state, STATE_DONE);
	assert_int_equal(p.result, RESERVATION_CLOSED);
	assert_non_null(strstr(buf_str(&p.outcome), "\"gone\""));
	assert_null(strstr(buf_str(&p.outcome), "closed_at"));
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* What the CRM says of the chat at the time of giving counts, whoever it is,
 * and not who had it before. */
static void
what_was_given_is_told(void **state)
{
	static const struct {
		const char *has_it;
		enum reservation_result result;
	} answers[] = { { "ann", RESERVATION_FULFILLED },
		{ "carl", RESERVATION_TAKEN }, { NULL, RESERVATION_REFUSED } };
	struct tenant_assigner c;
	struct reservation p;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		c = new_assigner();
		begin(&p, &c);
		page("1", "bob");
		end(ERROR_CLASS_NONE);
		end(ERROR_CLASS_NONE);
		assert_int_equal(p.state, STATE_GIVING);
		named(answers[i].has_it);
		assert_int_equal(p.giving, GIVING_NAMED);
		end(ERROR_CLASS_NONE);
		assert_int_equal(p.state, STATE_DONE);
		assert_int_equal(p.result, answers[i].result);
		outcome_names(&p, answers[i].has_it);
		reservation_release(&p);
		tenant_assigner_release(&c);
	}
}

/* Those of a profile that says nothing of the status, with the chats of ann,
 * who may have two; any other is over. */
static void
a_chat_without_a_status_is_open(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)state;
	begin(&p, &c);
	page_of("1", "bob", CHAT_NONE);
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_LISTING);
	page_of("2", "ann", CHAT_NONE);
	page_of("3", "ann", CHAT_NONE);
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.result, RESERVATION_REFUSED);
	reservation_release(&p);
	begin(&p, &c);
	page_of("1", "bob", CHAT_PENDING);
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.result, RESERVATION_CLOSED);
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* Refused, it is read once more, and not asked for again. */
static void
a_refusal_is_told_with_how_it_stands(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)state;
	begin(&p, &c);
	page("1", "bob");
	end(ERROR_CLASS_NONE);
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_GIVING);
	end(ERROR_CLASS_UNUSABLE);
	assert_int_equal(p.state, STATE_READING);
	page("1", "bob");
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_DONE);
	assert_int_equal(p.result, RESERVATION_REFUSED);
	reservation_release(&p);
	tenant_assigner_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_is_reached_and_left),
		cmocka_unit_test(giving_follows_reading),
		cmocka_unit_test(each_state_asks_its_question),
		cmocka_unit_test(gone_is_what_no_list_has),
		cmocka_unit_test(what_was_given_is_told),
		cmocka_unit_test(a_chat_without_a_status_is_open),
		cmocka_unit_test(a_refusal_is_told_with_how_it_stands),
		cmocka_unit_test(one_chat_that_fails_is_no_outage),
		cmocka_unit_test(others_wait_until_it_is_clear),
		cmocka_unit_test(what_expires_while_the_crm_is_away_ends),
		cmocka_unit_test(who_had_the_chat_is_forgotten_whole),
	};

	return cmocka_run_group_tests(tests, world_enter, world_leave);
}
