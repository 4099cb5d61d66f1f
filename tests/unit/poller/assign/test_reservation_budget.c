/*
 * Test of reservation.h: how long, and how often, a chat is given to an
 * operator in vain, by hand and in a daemon.
 */
#include "tests/unit/reservation_world.h"

/* From the reading to the request to give it, which ends as the error says. */
static void
give_in_vain(const struct reservation *p, enum error_class error)
{
	page(p->chat, "bob");
	end(ERROR_CLASS_NONE);
	assert_int_equal(asked.call, PROFILE_ASSIGN);
	end(error);
}

/* By hand, with a retry budget that is over at once: a chat is asked for once,
 * and then read. */
static enum reservation_result
give_by_hand(struct tenant_assigner *c, const char *chat, const char *has_it)
{
	struct reservation p;

	begin_chat(&p, c, chat);
	give_in_vain(&p, ERROR_CLASS_THROTTLED);
	assert_int_equal(p.state, STATE_WAITING);
	(void)reservation_wake(&p, p.due_ms);
	page(chat, has_it);
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.state, STATE_DONE);
	reservation_release(&p);
	return p.result;
}

/* Else a run would go on asking, and pay for each call, as long as the
 * reservations last. */
static void
by_hand_giving_ends_with_the_retry_budget(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)state;
	assert_int_equal(give_by_hand(&c, "1", "ann"), RESERVATION_FULFILLED);
	assert_int_equal(c.code, PROG_OK);
	assert_int_equal(give_by_hand(&c, "1", "bob"), RESERVATION_UNANSWERED);
	assert_int_equal(c.code, PROG_TEMPFAIL);
	assert_true(is_given_up(&c, "1"));
	assert_false(is_given_up(&c, "2"));
	assert_int_equal(give_by_hand(&c, "2", "bob"), RESERVATION_UNANSWERED);
	assert_true(is_given_up(&c, "3"));
	/* That a chat was given shows that it gives again, */
	assert_int_equal(give_by_hand(&c, "3", "ann"), RESERVATION_FULFILLED);
	assert_false(is_given_up(&c, "1"));
	assert_int_equal(give_by_hand(&c, "1", "bob"), RESERVATION_UNANSWERED);
	assert_int_equal(give_by_hand(&c, "2", "bob"), RESERVATION_UNANSWERED);
	assert_true(is_given_up(&c, "3"));
	/* and so does any clear answer, even a refusal. */
	begin_chat(&p, &c, "4");
	give_in_vain(&p, ERROR_CLASS_UNUSABLE);
	assert_false(is_given_up(&c, "3"));
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* An answer that cannot be read, and of which it is not known what it did. */
static void
end_unreadable(bool silenced)
{
	const struct ending e = { .error = ERROR_CLASS_UNUSABLE,
		.message = "no JSON",
		.maybe = true,
		.silenced = silenced };

	asked.end(asked.ctx, &e);
}

static void
unreadable_answers_are_tried_again_later(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;

	(void)state;
	begin_chat(&p, &c, "1");
	page("1", "bob");
	end(ERROR_CLASS_NONE);
	end_unreadable(false);
	(void)reservation_wake(&p, p.due_ms);
	page("1", "bob");
	end(ERROR_CLASS_NONE);
	assert_int_equal(p.result, RESERVATION_UNANSWERED);
	assert_int_equal(c.code, PROG_TEMPFAIL);
	reservation_release(&p);
	tenant_assigner_release(&c);
	c = new_assigner();
	begin_chat(&p, &c, "1");
	page("1", "bob");
	end(ERROR_CLASS_NONE);
	end_unreadable(true);
	assert_int_equal(p.result, RESERVATION_UNANSWERED);
	assert_int_equal(c.code, PROG_TEMPFAIL);
	reservation_release(&p);
	tenant_assigner_release(&c);
}

/* A daemon goes on, ever less often where the CRM wants fewer calls. */
static void
pauses_grow_until_it_expires(void **state)
{
	struct tenant_assigner c = new_assigner();
	struct reservation p;
	int64_t pause, longest = 0;
	char text[8192];
	const char *first;
	int saved, i;

	(void)state;
	c.wait_forever = true;
	saved = tmpdir_catch_stderr();
	log_set_level(LOG_LEVEL_WARN);
	begin_chat(&p, &c, "1");
	for (i = 0; i < 30; i++) {
		give_in_vain(&p, ERROR_CLASS_THROTTLED);
		pause = p.due_ms - clock_mono_ms();
		longest = pause > longest ? pause : longest;
		(void)reservation_wake(&p, p.due_ms);
	}
	log_set_level(LOG_LEVEL_ERROR);
	tmpdir_stderr(saved, text, sizeof text);
	assert_in_range(longest, 5000, 60000);
	first = strstr(text, "it is waited for");
	assert_non_null(first);
	assert_null(strstr(first + 1, "it is waited for"));
	for (i = 0; i < 30; i++) {
		give_in_vain(&p, ERROR_CLASS_LATER);
		assert_true(p.due_ms - clock_mono_ms() <= 4000);
		(void)reservation_wake(&p, p.due_ms);
	}
	reservation_release(&p);
	tenant_assigner_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand_giving_ends_with_the_retry_budget),
		cmocka_unit_test(unreadable_answers_are_tried_again_later),
		cmocka_unit_test(pauses_grow_until_it_expires),
	};

	return cmocka_run_group_tests(tests, world_enter, world_leave);
}
