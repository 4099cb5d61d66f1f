/*
 * Tests of aggregator/allocation: who gets which chat. Each row is a script
 * (allocation_script.h) and what is reserved. With an argument the program
 * runs the script on standard input, a line of answers for each of its lines
 * that answers: tests/cases/allocation.t holds it against an oracle.
 */
#include "tests/unit/unit.h"

#include "common/containers/pack.h"
#include "tests/unit/allocation_script.h"

static const struct allocation_row rows[] = {
	{ "nobody works", "chat 1 at 1 open;go", "" },
	{ "arrival counts, not when it came to be known",
	    "chat 2 at 5 open;chat 1 at 3 open;operator a free max 1;go",
	    "1>a " },
	{ "opened_at is the arrival",
	    "chat 2 at 1 open;chat 1 at 9 open opened 0;operator a free max 1;"
	    "go",
	    "1>a " },
	{ "also when it becomes known late, and is not the first news",
	    "chat 1 at 1 open id 1;chat 2 at 3 open opened 3;"
	    "chat 1 at 5 open opened 4;restart;chat 1 at 2 open id 2;"
	    "operator a free max 1;go",
	    "2>a " },
	{ "of several the latest, in any order",
	    "chat 1 at 9 open opened 5;chat 1 at 3 open opened 2;"
	    "chat 2 at 3 open opened 3;operator a free max 1;go",
	    "2>a " },
	{ "but not one of before the closing",
	    "chat 1 at 1 open opened 1;chat 1 at 5 closed;"
	    "chat 1 at 7 open opened 1;chat 2 at 6 open;"
	    "operator a free max 1;go",
	    "2>a " },
	{ "ties go by the chat's id",
	    "chat b at 1 open;chat a at 1 open;operator x free max 1;go",
	    "a>x " },
	{ "of ids that are numbers the lesser is the lesser number",
	    "chat 10 at 1 open;chat 9 at 1 open;chat x at 1 open;"
	    "operator 10 free max 1;operator 9 free max 1;"
	    "operator b free max 1;go",
	    "9>9 10>10 x>b " },
	{ "the fewest, then longest ago, then the id",
	    TWO "chat 1 at 1 open;chat 2 at 2 open;chat 3 at 3 open;"
		"chat 4 at 4 open;chat 5 at 5 open;go",
	    "1>a 2>b 3>a 4>b " },
	{ "ties go to who was given one longest ago",
	    TWO "chat 1 at 1 open;go;keep 1 by a;chat 1 at 2 closed;"
		"chat 2 at 3 open;go",
	    "1>a 2>b " },
	{ "chats that others gave count",
	    TWO "chat 1 at 1 open holder a;chat 2 at 2 open;go", "2>b " },
	{ "who holds more than the limit gets none",
	    "operator a free max 1;chat 1 at 1 open holder a;"
	    "chat 2 at 1 open holder a;chat 3 at 2 open;go;"
	    "chat 1 at 3 closed;go;chat 2 at 4 closed;go",
	    "3>a " },
	{ "a reservation counts",
	    "operator a free max 1;chat 1 at 1 open;go;"
	    "chat 2 at 2 open;go",
	    "1>a " },
	{ "a closing wakes",
	    "operator a free max 1;chat 1 at 1 open;"
	    "chat 2 at 2 open;go;keep 1 by a;go;"
	    "chat 1 at 9 closed;go",
	    "1>a 2>a " },
	{ "a limit wakes",
	    "operator a free;chat 1 at 1 open;chat 2 at 2 open;"
	    "chat 3 at 3 open;go;limit 3;go",
	    "1>a 2>a 3>a " },
	{ "an operator wakes",
	    "chat 1 at 1 open;operator a away;go;"
	    "operator a free;go",
	    "1>a " },
	{ "a repeated record is no news",
	    "operator a free;chat 1 at 1 open;chat 1 at 1 open;go;"
	    "chat 1 at 2 open holder -;go",
	    "1>a " },
	{ "one that is not available gets none",
	    TWO "operator a away;chat 1 at 1 open;chat 2 at 1 open;"
		"chat 3 at 1 open;go",
	    "1>b 2>b " },

	{ "who left later is not back by an older list, nor by its repeat",
	    "clock 9;operator a away since 9;snapshot;operator a free since 1;"
	    "whole 30;chat 1 at 1 open;go;restart;operator a free since 8;go",
	    "" },
	{ "who was not listed meanwhile is as the next one says",
	    "clock 20;operator a away since 20;snapshot;whole 30;"
	    "operator a free since 10;chat 1 at 31 open;go",
	    "1>a " },
	{ "an operator's limit stands above the CRM's",
	    "operator a free max 1;limit 2 operator a;chat 1 at 1 open;"
	    "chat 2 at 2 open;chat 3 at 3 open;go",
	    "1>a 2>a " },
	{ "the CRM's above everybody's",
	    "operator a free max 1;limit 5;chat 1 at 1 open;chat 2 at 2 open;"
	    "go",
	    "1>a " },
	{ "and back to it",
	    "operator a free max 1;limit 2 operator a;chat 1 at 1 open;go;"
	    "limit - operator a;chat 2 at 2 open;go",
	    "1>a " },
	{ "an older limit does not count",
	    "clock 9;operator a free;limit 3 at 9;limit 1 at 8;"
	    "chat 1 at 1 open;chat 2 at 2 open;chat 3 at 3 open;go",
	    "1>a 2>a 3>a " },
	{ "none at all", "operator a free;limit 0;chat 1 at 1 open;go", "" },
	{ "a channel's limit, and others pass",
	    "operator a free max 9;limit 1 channel w;"
	    "chat 1 at 1 open channel w;chat 2 at 2 open channel w;"
	    "chat 3 at 3 open channel m;go;chat 1 at 4 closed;go",
	    "1>a 3>a 2>a " },
	{ "an operator's of a channel",
	    TWO "limit 0 channel w operator a;chat 1 at 1 open channel w;"
		"chat 2 at 1 open channel w;chat 3 at 2 open channel w;go",
	    "1>b 2>b " },
	{ "a channel's limit that comes later moves who waits",
	    "chat 1 at 1 open channel w;chat 2 at 2 open;limit 0 channel w;"
	    "operator a free max 9;go;limit - channel w;go",
	    "2>a 1>a " },

	{ "tags must all be there, in any order",
	    "operator a free tags x;operator b free tags z,y,x;"
	    "chat 1 at 1 open tags y,x;go",
	    "1>b " },
	{ "whom nobody serves does not block who needs something else",
	    "operator a free tags x;chat 1 at 1 open tags y;"
	    "chat 2 at 2 open tags x;chat 3 at 3 open;go",
	    "2>a 3>a " },
	{ "nobody overtakes among the same",
	    "operator a free max 1 tags x;chat 2 at 2 open tags x;"
	    "chat 1 at 1 open tags x;chat 0 at 0 open tags y;go;"
	    "keep 1 by a;chat 1 at 3 closed;go",
	    "1>a 2>a " },
	{ "across tags the oldest is served first",
	    "operator a free max 1 tags x,y;chat 2 at 2 open tags x;"
	    "chat 1 at 1 open tags y;go",
	    "1>a " },
	{ "tags that are learned",
	    "operator a free tags x;chat 1 at 1 open tags y;go;"
	    "operator a free tags x,y;go",
	    "1>a " },
	{ "what a chat needs changes",
	    "operator a free tags x;chat 1 at 1 open tags y;go;"
	    "chat 1 at 2 open tags x;go",
	    "1>a " },

	{ "but not by an older record, which fills what is unknown",
	    "operator a free tags x;operator b free tags y;limit 0 channel w;"
	    "chat 1 at 5 open tags x;chat 1 at 3 open tags y channel w;"
	    "restart;chat 1 at 4 open tags y channel m;go",
	    "1>a " },
	{ "of one time the greater counts",
	    "operator a free tags x;operator b free tags y;"
	    "chat 1 at 5 open tags y;chat 1 at 5 open tags x;go",
	    "1>b " },

	{ "a reservation expires, and the chat takes its place",
	    "operator a free max 1;chat 1 at 1 open;chat 2 at 2 open;go;"
	    "clock 59999;go;clock 60000;go",
	    "1>a 1>a " },
	{ "the outcome is another holder",
	    TWO "chat 1 at 1 open;go;keep 1 by b;chat 2 at 2 open;go",
	    "1>a 2>a " },
	{ "refused: another one, at once",
	    TWO "chat 1 at 1 open;go;clock 5;refuse 1;go", "1>a 1>b " },
	{ "refused: not the same for a while, then twice as long",
	    "operator a free;chat 1 at 1 open;go;refuse 1;go;clock 999;go;"
	    "clock 1000;go;refuse 1;clock 2999;go;clock 3000;go",
	    "1>a 1>a 1>a " },
	{ "refused by nine: none is asked again before the pause ends",
	    "operator a free;operator b free;operator c free;operator d free;"
	    "operator e free;operator f free;operator g free;operator h free;"
	    "operator i free;chat 1 at 1 open;go;refuse 1;go;refuse 1;go;"
	    "refuse 1;go;refuse 1;go;refuse 1;go;refuse 1;go;refuse 1;go;"
	    "refuse 1;go;refuse 1;clock 10;go;clock 999;go",
	    "1>a 1>b 1>c 1>d 1>e 1>f 1>g 1>h 1>i " },
	{ "refused: others pass",
	    "operator a free;chat 1 at 1 open;go;chat 2 at 2 open;refuse 1;go",
	    "1>a 2>a " },
	{ "refused: who comes now is asked at once",
	    "operator a free;chat 1 at 1 open;go;refuse 1;go;"
	    "operator b free;go",
	    "1>a 1>b " },
	{ "three refusals in a row: the operator pauses",
	    "operator a free max 9;chat 1 at 1 open;chat 2 at 2 open;"
	    "chat 3 at 3 open;go;refuse 1;refuse 2;refuse 3;chat 4 at 4 open;"
	    "go;clock 1000;go",
	    "1>a 2>a 3>a 1>a 2>a 3>a 4>a " },
	{ "a plain record without holder does not end a reservation",
	    "operator a free;chat 1 at 1 open;go;chat 1 at 50 open holder -;"
	    "go;clock 9;keep 1 by a;go",
	    "1>a " },
	{ "a record with a holder does",
	    "operator a free max 1;chat 1 at 1 open;go;chat 2 at 2 open;"
	    "chat 1 at 5 open holder z;go",
	    "1>a 2>a " },
	{ "a closing ends a reservation",
	    "operator a free max 1;chat 1 at 1 open;chat 2 at 2 open;go;"
	    "chat 1 at 5 closed;go",
	    "1>a 2>a " },
	{ "an old outcome is none",
	    "operator a free;chat 1 at 1 open;go;clock 60000;go;"
	    "chat 1 at 3 open holder -;go",
	    "1>a 1>a " },

	{ "the same operator as last time",
	    "set same 99999;" TWO "chat 1 at 1 open customer u holder b;"
	    "chat 1 at 2 closed;chat 2 at 3 open customer u;go",
	    "2>b " },
	{ "of several chats the one that began last, though one is told again",
	    "set same 99999;" TWO "chat 1 at 1 open customer u holder a;"
	    "chat 2 at 2 open customer u holder b;chat 1 at 3 open holder a;"
	    "chat 3 at 4 open customer u;go",
	    "3>b " },
	{ "in any order",
	    "set same 99999;" TWO "chat 2 at 2 open customer u holder b;"
	    "chat 1 at 1 open customer u holder a;restart;"
	    "chat 3 at 4 open customer u;go",
	    "3>b " },
	{ "or one is closed",
	    "set same 99999;" TWO "chat 1 at 1 open customer u holder a;"
	    "chat 2 at 2 open customer u holder b;restart;"
	    "chat 1 at 3 closed holder a opened 1;"
	    "chat 3 at 4 open customer u;go",
	    "3>b " },
	{ "unless one comes back, or the last is passed on",
	    "set same 99999;set limit 9;" TWO
	    "chat 1 at 1 open customer u holder b;chat 1 at 2 closed;"
	    "chat 2 at 3 open customer u holder a;"
	    "chat 1 at 4 open holder b;chat 3 at 5 open customer u;go;"
	    "chat 1 at 6 open holder a;chat 4 at 7 open customer u;go",
	    "3>b 4>a " },
	{ "of one time the greater id",
	    "set same 99999;" TWO "chat 10 at 1 open customer u holder b;"
	    "chat 9 at 1 open customer u holder a;"
	    "chat 3 at 4 open customer u;go",
	    "3>b " },
	{ "whom an older record does not name",
	    "set same 99999;" TWO "chat 1 at 1 open customer u holder b;"
	    "chat 1 at 2 closed;chat 2 at 3 open customer u;"
	    "chat 2 at 2 open customer v;go",
	    "2>b " },
	{ "of which nothing is kept once it is switched off",
	    "set same 99999;" TWO "chat 1 at 1 open customer u holder b;"
	    "chat 1 at 2 closed;restart;set same 0;restart;set same 99999;"
	    "restart;chat 2 at 3 open customer u;go",
	    "2>a " },
	{ "unless they have no room",
	    "set same 99999;" TWO
	    "operator b free max 1;chat 1 at 1 open customer u holder b;"
	    "chat 2 at 3 open customer u;go",
	    "2>a " },
	{ "for whom one may wait",
	    "set same 99999;set same_wait 100;" TWO
	    "operator b free max 1;chat 1 at 1 open customer u holder b;"
	    "chat 2 at 3 open customer u;chat 3 at 4 open;go;clock 50;"
	    "chat 1 at 9 closed;go",
	    "3>a 2>b " },
	{ "but not for ever",
	    "set same 99999;set same_wait 100;" TWO
	    "operator b free max 1;chat 1 at 1 open customer u holder b;"
	    "chat 2 at 3 open customer u;go;clock 102;go;clock 103;go",
	    "2>a " },
	{ "nor for one who goes",
	    "set same 99999;set same_wait 100;" TWO
	    "operator b free max 1;chat 1 at 1 open customer u holder b;"
	    "chat 2 at 3 open customer u;go;operator b away;go",
	    "2>a " },

	{ "silent: it goes on",
	    "set silent 100;" TWO "chat 1 at 1 open;go;keep 1 by a;"
	    "clock 99;go;clock 100;go;keep 1 by b;clock 150;go",
	    "1>a 1>b/a " },
	{ "who answered keeps it",
	    "set silent 100;" TWO "chat 1 at 1 open;go;keep 1 by a;"
	    "answer 1;clock 100;go",
	    "1>a " },
	{ "what was answered before it was assigned is none",
	    "set silent 100;" TWO "clock 50;chat 1 at 1 open;go;keep 1 by a;"
	    "answer 1 at 49;clock 60;chat 1 at 60 open holder a;restart;"
	    "answer 1 at 49;clock 150;go",
	    "1>a 1>b/a " },
	{ "and a record that repeats the operator assigns nothing",
	    "set silent 100;" TWO "clock 50;chat 1 at 1 open;go;keep 1 by a;"
	    "clock 60;chat 1 at 60 open holder a;answer 1 at 55;clock 150;go",
	    "1>a " },
	{ "who answered before a record says that they have it keeps it",
	    "set silent 150;" TWO "clock 1000;chat 1 at 1000 open;go;"
	    "clock 1010;answer 1 at 1005;restart;keep 1 by a;clock 1200;go",
	    "1>a " },
	{ "and if the answer comes after that record",
	    "set silent 150;" TWO "clock 1000;chat 1 at 1000 open;go;"
	    "clock 1010;keep 1 by a;answer 1 at 1005;clock 1200;go",
	    "1>a " },
	{ "but not with an answer of before",
	    "set silent 150;" TWO "clock 1000;chat 1 at 900 open;"
	    "answer 1 at 999;go;clock 1010;keep 1 by a;clock 1200;go",
	    "1>a 1>b/a " },
	{ "what others gave stays",
	    "set silent 100;" TWO "chat 1 at 1 open holder a;clock 100;go",
	    "" },
	{ "nobody else: it waits for one, and may be answered yet",
	    "set silent 100;operator a free;chat 1 at 1 open;go;keep 1 by a;"
	    "clock 100;go;answer 1;operator b free;go",
	    "1>a " },
	{ "refused by the next one: another one, and not the same at once",
	    "set silent 100;" TWO "operator c free;chat 1 at 1 open;go;"
	    "keep 1 by a;clock 100;go;keep 1 by a;go;keep 1 by a;go;"
	    "clock 1100;go;keep 1 by b;go",
	    "1>a 1>b/a 1>c/a 1>b/a " },
	{ "a record that names who is replaced says nothing new",
	    "set silent 100;" TWO "operator c free;chat 1 at 1 open;go;"
	    "keep 1 by a;clock 100;go;chat 1 at 101 open holder a;go;"
	    "keep 1 by b;clock 200;go",
	    "1>a 1>b/a 1>c/b " },
	{ "after the expiry it is reserved again",
	    "set silent 100;" TWO "chat 1 at 1 open;go;keep 1 by a;clock 100;"
	    "go;chat 1 at 101 open holder a;go;clock 60100;go",
	    "1>a 1>b/a 1>b/a " },
	{ "who answers meanwhile keeps it",
	    "set silent 100;" TWO "operator c free;chat 1 at 1 open;go;"
	    "keep 1 by a;clock 100;go;answer 1;keep 1 by a;go",
	    "1>a 1>b/a " },
	{ "offline: who is replaced has it while others refuse",
	    "set offline 100;" TWO "operator c free;chat 1 at 1 open;go;"
	    "keep 1 by a;operator a away;clock 100;go;keep 1 by a;go;"
	    "chat 1 at 101 open holder a;go;clock 60100;go",
	    "1>a 1>b/a 1>c/a 1>b/a " },
	{ "offline: it goes on",
	    "set offline 100;" TWO "chat 1 at 1 open;go;keep 1 by a;"
	    "operator a away;clock 99;go;clock 100;go",
	    "1>a 1>b/a " },
	{ "back in time: it stays",
	    "set offline 100;" TWO "chat 1 at 1 open;go;keep 1 by a;"
	    "operator a away;clock 99;operator a free;clock 100;go",
	    "1>a " },

	{ "after a restart a reservation holds, and is sent",
	    "operator a free max 1;chat 1 at 1 open;go;restart;go;unsent;"
	    "sent;restart;unsent;chat 2 at 2 open;go;keep 1 by a;"
	    "chat 1 at 9 closed;go",
	    "1>a ?1 2>a " },
	{ "who was away for so long when it starts again loses a chat",
	    "set offline 100;" TWO "chat 1 at 1 open;go;keep 1 by a;"
	    "operator a away;clock 10;restart 200;go",
	    "1>a 1>b/a " },
	{ "and who was so soon after",
	    "set offline 100;" TWO "chat 1 at 1 open;go;keep 1 by a;"
	    "operator a away;clock 10;restart 50;go;clock 100;go",
	    "1>a 1>b/a " },
	{ "after a restart all is as it was",
	    "limit 1 operator b;limit 1 channel w;" TWO
	    "chat 1 at 1 open channel w tags x;operator b free tags x;"
	    "chat 2 at 2 closed;restart;go;chat 2 at 1 open;go;limit 0;"
	    "restart;chat 3 at 3 open;go",
	    "1>b " },
};

static void
who_gets_which(void **state)
{
	(void)state;
	script_check_rows(rows, ARRAY_LEN(rows));
}

static void
steps_of(struct allocation_script *s, const char *script, uint64_t *most)
{
	uint64_t before = allocation_counts(s->a).steps;

	script_run(s, script);
	before = allocation_counts(s->a).steps - before;
	if (before > *most)
		*most = before;
}

/* 10,000 wait and 1,000 work: what happens to one costs some hundred steps in
 * trees, not thousands. */
static void
costs_are_those_of_the_change(void **state)
{
	struct allocation_script s;
	struct buf line = BUF_INIT;
	uint64_t most = 0;
	int i;

	(void)state;
	script_init(&s);
	script_run(&s, "clock 1");
	for (i = 0; i < 1000; i++) {
		buf_setf(&line, "operator o%d free max 4 tags %s", i,
		    i % 2 ? "x" : "x,y");
		script_run(&s, buf_str(&line));
	}
	for (i = 0; i < 14000; i++) {
		buf_setf(&line, "chat c%d at %d open tags %s;go", i, i,
		    i % 3 ? "x" : "y");
		steps_of(&s, buf_str(&line), &most);
		if (i == 2) /* all tags were seen */
			most = 0;
	}
	assert_true(allocation_counts(s.a).reserved == 4000);
	assert_true(allocation_counts(s.a).waiting == 10000);
	for (i = 0; i < 1000; i++) {
		buf_setf(&line, "keep c%d by o%d;go;chat c%d at %d closed;go",
		    i * 2, i % 1000, i * 2, 20000 + i);
		steps_of(&s, buf_str(&line), &most);
		buf_setf(&line, "limit 5 operator o%d;go", i);
		steps_of(&s, buf_str(&line), &most);
		buf_setf(&line, "refuse c%d;go", 2000 + i);
		steps_of(&s, buf_str(&line), &most);
	}
	print_message("%llu steps at most\n", (unsigned long long)most);
	assert_true(most > 0 && most < 1000);
	buf_release(&line);
	script_release(&s);
}

/* What the second layout added. */
static void
put_sources(struct buf *to)
{
	static const int64_t times[] = { CLOCK_NONE, CLOCK_NONE, 5, CLOCK_NONE,
		CLOCK_NONE, CLOCK_NONE };
	const struct text none = { NULL, 0 };
	size_t i;

	pack_put_text(to, none); /* the status is of a chat record */
	pack_put_text(to, none); /* so is the assignee */
	pack_put_number(to, CHAT_OPEN);
	for (i = 0; i < ARRAY_LEN(times); i++)
		pack_put_signed(to, times[i]);
	pack_put_number(to, CHAT_OPEN);
	pack_put_signed(to, 5); /* its newest record */
}

/* A chat, open since 5, as the layouts before had it. */
static void
put_chat_of_before(struct buf *to, unsigned layout)
{
	static const int64_t times[] = { 5, CLOCK_NONE, CLOCK_NONE, CLOCK_NONE,
		5, 0 };
	const struct text none = { NULL, 0 };
	size_t i;

	pack_put_number(to, layout);
	pack_put_number(to, 4); /* no reservation is to be sent */
	pack_put_number(to, CHAT_OPEN);
	for (i = 0; i < ARRAY_LEN(times); i++)
		pack_put_signed(to, times[i]);
	pack_put_text(to, none); /* assignee */
	pack_put_text(to, none); /* channel */
	pack_put_text(to, (struct text){ "x", 1 });
	pack_put_text(to, none); /* customer */
	if (layout == 2)
		put_sources(to);
	pack_put_text(to, none); /* reserved for */
}

static void
the_layouts_before_are_read_and_no_other(void **state)
{
	struct buf value = BUF_INIT;
	struct allocation_script s;
	unsigned layout;

	(void)state;
	script_init(&s);
	script_run(&s, "clock 9");
	put_chat_of_before(&value, 5);
	assert_int_equal(
	    allocation_unpack(s.a, "c2", 2, value.data, value.len), -1);
	script_release(&s);
	for (layout = 1; layout <= 2; layout++) {
		script_init(&s);
		script_run(&s, "clock 9");
		buf_clear(&value);
		put_chat_of_before(&value, layout);
		assert_int_equal(
		    allocation_unpack(s.a, "c1", 2, value.data, value.len), 0);
		script_run(&s, "chat 1 at 4 closed;operator a free;go;restart;"
			       "operator b free tags x;go");
		assert_string_equal(buf_str(&s.out), "1>b ");
		script_release(&s);
	}
	buf_release(&value);
}

/* Of whom it was not known which chat was the last: any that is told of is. */
static void
so_is_a_customer_of_before(void **state)
{
	struct buf value = BUF_INIT;
	struct allocation_script s;

	(void)state;
	script_init(&s);
	script_run(&s, "set same 99999;clock 9;" TWO);
	pack_put_number(&value, 3);
	pack_put_text(&value, (struct text){ "b", 1 });
	pack_put_signed(&value, 5);
	assert_int_equal(
	    allocation_unpack(s.a, "uv", 2, value.data, value.len), 0);
	script_run(&s, "chat 1 at 9 open customer v;go;"
		       "chat 2 at 1 open customer v holder a;keep 1 by b;"
		       "chat 3 at 9 open customer v;go");
	assert_string_equal(buf_str(&s.out), "1>b 3>b ");
	script_release(&s);
	/* Also one of which no time is known, nor when it began. */
	script_init(&s);
	script_run(&s, "set same 99999;clock 9;" TWO);
	assert_int_equal(
	    allocation_unpack(s.a, "uv", 2, value.data, value.len), 0);
	script_run(&s, "chat 1 at -9223372036854775808 pending "
		       "customer v holder a;restart");
	assert_string_equal(buf_str(&s.out), "");
	buf_release(&value);
	script_release(&s);
}

static int64_t most_at_once;

static void
remember_most(void *ctx, struct text id, int64_t chats, int64_t limit)
{
	(void)ctx;
	(void)id;
	(void)limit;
	if (chats > most_at_once)
		most_at_once = chats;
}

/* Whoever looks on never sees one chat counted twice. */
static void
a_chat_is_one_whatever_becomes_known(void **state)
{
	static const char *const scripts[] = {
		("chat 1 at 1 open;go;keep 1 by a;chat 1 at 2 channel w;"
		 "chat 1 at 3 channel m"),
		"chat 1 at 1 open;go;chat 1 at 2 channel w;keep 1 by a",
		"chat 1 at 1 open holder a channel w;chat 1 at 2 channel m",
	};
	struct allocation_script s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(scripts); i++) {
		most_at_once = 0;
		script_init(&s);
		s.watch.load = remember_most;
		script_run(&s, "operator a free max 1");
		script_run(&s, scripts[i]);
		if (most_at_once != 1)
			fail_msg("%s: %lld at once", scripts[i],
			    (long long)most_at_once);
		script_release(&s);
	}
}

static int
run_standard_input(void)
{
	struct allocation_script s;
	char line[512];

	script_init(&s);
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (strcmp(line, "new\n") == 0) {
			script_release(&s);
			script_init(&s);
			continue;
		}
		script_run(&s, line);
		if (strcmp(line, "go\n") != 0 && strcmp(line, "unsent\n") != 0)
			continue;
		puts(buf_str(&s.out));
		buf_clear(&s.out);
	}
	script_release(&s);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_gets_which),
		cmocka_unit_test(a_chat_is_one_whatever_becomes_known),
		cmocka_unit_test(the_layouts_before_are_read_and_no_other),
		cmocka_unit_test(so_is_a_customer_of_before),
		cmocka_unit_test(costs_are_those_of_the_change),
	};

	(void)argv;
	if (argc > 1)
		return run_standard_input();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
