/*
 * Tests of aggregator/allocation: which record of a chat counts, in whatever
 * order they come, beside snapshots, and until when. Each row is a script
 * (allocation_script.h) and what is reserved.
 */
#include "tests/unit/unit.h"

#include "tests/unit/allocation_script.h"

static const struct allocation_row rows[] = {
	{ "old news of the holder is none",
	    "operator a free max 1;chat 1 at 5 open holder z;"
	    "chat 1 at 3 open holder -;go",
	    "" },
	{ "of one time assigned stands above the chat record",
	    "operator b free;chat 1 at 5 holder a id 1;"
	    "chat 1 at 5 open holder -;go;"
	    "chat 2 at 5 open holder -;chat 2 at 5 holder a id 1;go",
	    "" },
	{ "of two assigned the greater id",
	    "operator b free;chat 1 at 5 holder a id 10;"
	    "chat 1 at 5 holder - id 9;go;restart;"
	    "chat 1 at 5 holder - id 9;go;chat 1 at 5 holder - id 11;go",
	    "1>b " },
	{ "of one time the chat record stands above messages",
	    "operator a free;chat 1 at 5 closed;chat 1 at 5 open id 1;go;"
	    "chat 2 at 5 open id 1;chat 2 at 5 closed;go;restart;"
	    "chat 1 at 5 open id 1;go",
	    "" },
	{ "of two messages the greater id",
	    "operator a free;chat 1 at 5 closed id 1;chat 1 at 5 open id 2;"
	    "go;chat 2 at 5 open id 10;chat 2 at 5 closed id 9;go",
	    "1>a 2>a " },
	{ "of two chat records the greater status, then operator",
	    "operator b free;chat 1 at 5 open holder -;chat 1 at 5 closed;"
	    "chat 2 at 5 open holder a;chat 2 at 5 open holder -;go;"
	    "chat 3 at 5 closed holder a;chat 3 at 5 open holder -;go",
	    "1>b 3>b " },

	{ "closed, and an older record that says it is open",
	    "operator a free;chat 1 at 5 closed;chat 1 at 3 open;go", "" },
	{ "opened again: a new episode, a new arrival",
	    "chat 1 at 1 open;chat 1 at 5 closed;chat 2 at 6 open;"
	    "chat 1 at 7 open;operator a free max 1;go",
	    "2>a " },
	{ "and the closing came late",
	    "chat 1 at 1 open;chat 1 at 7 open;chat 2 at 6 open;"
	    "chat 1 at 5 closed;operator a free max 1;go",
	    "2>a " },
	{ "taken back: the old place",
	    "chat 1 at 1 open holder z;chat 2 at 2 open;"
	    "chat 1 at 3 open holder -;operator a free max 1;go",
	    "1>a " },
	{ "pending ones do not wait",
	    "operator a free;chat 1 at 1 pending;go;chat 1 at 2 open;go",
	    "1>a " },

	{ "until a bot hands them over, whatever came first",
	    "operator a free max 9;chat 1 at 10 pending;"
	    "chat 1 at 20 open wrote id 1;chat 2 at 20 open wrote id 1;"
	    "chat 2 at 10 pending;chat 3 at 20 open wrote id 1;"
	    "chat 3 at 30 open handed id 2;chat 3 at 10 pending;go;restart;"
	    "chat 1 at 30 open handed id 2;go;"
	    "chat 2 at 30 open handed id 2;go",
	    "3>a 1>a 2>a " },
	{ "a snoozed one is woken by its customer",
	    "operator a free;chat 1 at 20 open wrote id 1;"
	    "chat 1 at 10 snoozed;go",
	    "1>a " },
	{ "nobody hands over a closed one, whatever came first",
	    "operator a free;chat 1 at 10 pending;chat 1 at 20 closed;"
	    "chat 1 at 30 open handed id 2;chat 2 at 10 pending;"
	    "chat 2 at 30 open handed id 2;restart;chat 2 at 20 closed;go",
	    "" },
	{ "but its customer opens it",
	    "operator a free;chat 1 at 30 open handed id 2;"
	    "chat 1 at 25 open wrote id 3;chat 1 at 20 closed;go",
	    "1>a " },
	{ "its arrival is the handing over, not what the bot was written",
	    "operator a free max 1;chat 1 at 20 open wrote id 1;"
	    "chat 2 at 25 open;chat 1 at 30 open handed id 2;"
	    "chat 1 at 10 pending;go;chat 3 at 20 open wrote id 1;"
	    "chat 3 at 10 pending;chat 3 at 30 open handed id 2;"
	    "chat 4 at 29 open;keep 2 by a;chat 2 at 40 closed;go;"
	    "keep 4 by a;chat 4 at 41 closed;go;"
	    "keep 1 by a;chat 1 at 42 closed;go",
	    "2>a 4>a 1>a 3>a " },

	{ "a snapshot: who is not in it is gone",
	    TWO "chat 1 at 1 open;chat 2 at 1 open;chat 3 at 9 open;snapshot;"
		"operator b free;chat 2 at 5 open holder -;whole 5;go",
	    "2>b 3>b " },
	{ "what it does not say of an operator is not so any more",
	    "operator a free max 1;operator b away;operator c free tags x;"
	    "limit 1 operator c;snapshot;operator a;operator b;operator c;"
	    "whole 0;chat 1 at 1 open tags x;chat 2 at 2 open;"
	    "chat 3 at 3 open;chat 4 at 4 open;chat 5 at 5 open;"
	    "chat 6 at 6 open;chat 7 at 7 open;go",
	    "2>a 3>b 4>c 5>a 6>b " },
	{ "but outside of one it is",
	    "operator a free max 1 tags x;operator b away;operator a;"
	    "operator b;chat 1 at 1 open tags x;chat 2 at 2 open;go",
	    "1>a " },
	{ "only what is newer brings it back, with its operator",
	    "operator b free;chat 1 at 1 open;chat 2 at 1 open holder a;"
	    "snapshot;operator b free;whole 5;chat 1 at 5 open id 9;"
	    "chat 2 at 5 open id 9;chat 3 at 5 open id 1;restart;"
	    "chat 1 at 5 open holder -;chat 3 at 3 holder - id 2;go;"
	    "chat 2 at 6 open id 2;chat 3 at 6 open id 2;go",
	    "3>b " },
	{ "so of one that was closed before, or pending",
	    "operator b free;chat 1 at 1 closed;chat 2 at 1 pending;snapshot;"
	    "operator b free;whole 5;chat 1 at 4 open id 1;"
	    "chat 2 at 4 open id 1;go",
	    "" },
	{ "and if the next snapshot has it, with older news",
	    "operator b free;chat 1 at 1 open;snapshot;operator b free;"
	    "whole 5;snapshot;operator b free;chat 1 at 4 open;whole 8;go;"
	    "restart;chat 1 at 5 open;go;chat 1 at 6 open;go",
	    "1>b " },
	{ "it is back as it was: with what came late, and its place",
	    "operator b free max 1;chat 1 at 1 open;chat 2 at 2 open;"
	    "chat 3 at 3 closed;snapshot;operator b free max 1;whole 5;"
	    "chat 3 at 4 open id 1;heard 1 at 5;heard 3 at 5;go;restart;"
	    "heard 3 at 7;heard 2 at 6;heard 1 at 7;go;"
	    "keep 1 by b;chat 1 at 8 closed;go;keep 2 by b;chat 2 at 8 closed;"
	    "go",
	    "1>b 2>b 3>b " },
	{ "one in which somebody wrote later has not left",
	    "operator b free;chat 1 at 1 open;heard 1 at 6;snapshot;"
	    "operator b free;whole 5;go",
	    "1>b " },
	{ "nor one in which somebody wrote before it was described",
	    "operator b free;snapshot;operator b free;whole 15;heard 1 at 20;"
	    "heard 2 at 21;go;restart;chat 1 at 10 open;go",
	    "1>b " },
	{ "which is remembered for two windows",
	    "set window 100;operator b free;snapshot;operator b free;whole 4;"
	    "heard 1 at 5;heard 2 at 6;heard 3 at 206;go;chat 1 at 3 open;go;"
	    "chat 2 at 3 open;go",
	    "2>b " },
	{ "a bucket of one: its chats, and no operator",
	    TWO "chat 1 at 1 open;chat 2 at 1 open;snapshot;whole 5 bucket 1;"
		"go",
	    "2>a " },
	{ "what concerns all: operators, and no chat",
	    TWO "chat 1 at 1 open;snapshot;operator b free;whole 5 bucket 64;"
		"go",
	    "1>b " },

	{ "closed ones are forgotten two windows after their last record",
	    "set window 100;operator a free;chat 1 at 4 closed;heard 1 at 5;"
	    "chat 9 at 205 closed;go;chat 1 at 3 open;go;"
	    "chat 9 at 206 closed;go;chat 1 at 3 open;go",
	    "1>a " },
	{ "however often it starts again",
	    "set window 100;operator a free;chat 1 at 5 closed;clock 90;"
	    "restart;clock 180;restart;heard 9 at 205;go;chat 1 at 3 open;go;"
	    "chat 9 at 206 closed;restart;go;chat 1 at 3 open;go",
	    "1>a " },
	{ "till then a record that is not late finds what is known of it",
	    "set window 100;operator a free;chat 1 at 5 closed tags x;"
	    "chat 9 at 110 closed;go;chat 1 at 50 open;go",
	    "" },
	{ "after a window without a record it begins anew",
	    "set window 100;operator a free;chat 1 at 5 closed holder z tags x;"
	    "chat 2 at 5 closed holder z tags x;chat 1 at 105 open;go;"
	    "restart;chat 2 at 106 open;go",
	    "2>a " },
	{ "as one does that a snapshot lacked meanwhile, but no other",
	    "set window 100;operator a free;chat 1 at 5 open holder z;"
	    "chat 2 at 5 open holder z;snapshot;operator a free;whole 50;"
	    "chat 2 at 105 open id 1;go;chat 1 at 106 open id 1;"
	    "chat 2 at 900 open id 2;go;snapshot;operator a free;whole 1500;"
	    "chat 2 at 1400 open id 3;go",
	    "1>a " },
	{ "of its life before nothing counts that comes once more",
	    "set window 100;operator b free;chat 1 at 5 pending tags x;"
	    "chat 2 at 5 open holder z;chat 3 at 5 open;snapshot;whole 50;"
	    "chat 4 at 205 open;chat 1 at 206 open wrote id 1;"
	    "chat 2 at 207 open wrote id 1;chat 3 at 208 open;restart;"
	    "chat 1 at 5 pending tags x;heard 2 at 5;"
	    "chat 2 at 5 open holder z;chat 3 at 5 open;"
	    "chat 2 at -9223372036854775808 pending;"
	    "operator a free max 9;go",
	    "4>a 1>a 2>a 3>a " },
	{ "which is what is more than a window older than the new one",
	    "set window 100;operator a free;chat 1 at 5 closed;"
	    "chat 1 at 206 open;chat 1 at 105 open holder z;chat 2 at 5 closed;"
	    "chat 2 at 206 open;chat 2 at 106 open holder z;go",
	    "1>a " },
	{ "what is newest comes first, also of who was silent for long",
	    "set window 100;operator a free;chat 8 at 900 open holder z;"
	    "chat 2 at 300 closed;chat 2 at 250 open holder -;go",
	    "" },
	{ "and in a snapshot",
	    "set window 100;operator a free;chat 8 at 900 open holder z;"
	    "snapshot;operator a free;chat 2 at 300 closed;"
	    "chat 2 at 250 open wrote id 1;chat 8 at 900 open holder z;"
	    "whole 910;go",
	    "" },
	{ "one without a time is not forgotten",
	    "set window 100;operator a free;"
	    "chat 1 at -9223372036854775808 closed tags x;"
	    "chat 9 at 900 closed;go;chat 1 at 901 open;go",
	    "" },
	{ "the clock alone forgets nothing",
	    "set window 100;operator a free;chat 1 at 5 closed;clock 1000;"
	    "chat 1 at 3 open;go",
	    "" },
	{ "nor are pending ones forgotten",
	    "set window 100;operator a free;chat 1 at 5 pending;clock 1000;"
	    "chat 9 at 500 closed;chat 1 at 3 open;go",
	    "" },
};

static void
what_counts(void **state)
{
	(void)state;
	script_check_rows(rows, ARRAY_LEN(rows));
}

/* It was closed long before the last message of it. */
static void
what_messages_left_tells_of_one_chat(void **state)
{
	struct allocation_script s;
	struct record r;

	(void)state;
	script_init(&s);
	script_run(&s, "set window 100;operator a free;"
		       "chat 8 at 1000 open holder z");
	record_clear(&r);
	r.type = RECORD_HISTORY;
	r.chat = (struct text){ "1", 1 };
	r.at = 900;
	r.status = CHAT_CLOSED;
	r.status_at = 300;
	r.held = true;
	allocation_record(s.a, &r);
	script_run(&s, "go");
	assert_string_equal(buf_str(&s.out), "");
	script_release(&s);
}

/* As the newest record of its status it opens a chat that was closed. */
static void
a_chat_record_without_a_status_is_of_an_open_chat(void **state)
{
	struct allocation_script s;
	struct record r;

	(void)state;
	script_init(&s);
	script_run(&s, "operator a free;chat 1 at 5 closed holder -");
	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat = (struct text){ "1", 1 };
	r.at = 7;
	allocation_record(s.a, &r);
	script_run(&s, "go");
	assert_string_equal(buf_str(&s.out), "1>a ");
	script_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_counts),
		cmocka_unit_test(
		    a_chat_record_without_a_status_is_of_an_open_chat),
		cmocka_unit_test(what_messages_left_tells_of_one_chat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
