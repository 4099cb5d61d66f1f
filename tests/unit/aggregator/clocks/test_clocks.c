/*
 * Tests of aggregator/clocks and both definitions: timelines in words, as
 * messaging-metrics(7) writes its vectors, and the intervals they give.
 *
 *   customer T     bot T        A T (an operator's letter answers)
 *   note T         autoreply T  campaign T (from the customer's side)
 *   handoff T      reopened T   closed T     other T
 *   transfer A T   transfer nobody T
 *   opened T       a chat record's opened_at, if it is not 0; "opened -" for
 *                  none
 *   held A T       a chat record of that instant names A, or nobody; without
 *                  any, one of 0 names A
 *   shut T         a chat record reports a closing
 *   now T          as of when
 *
 * Times are in seconds, with a fraction where it matters. Expected are the
 * intervals of the last episode, in order: FR, RT, waiting, resolution,
 * unanswered, each with its seconds and the operator credited.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"

#include "aggregator/clocks/clocks.h"

#define MESSAGES 24

static const struct vector {
	const char *timeline, *chatwoot, *ours;
} vectors[] = {
	/* messaging-metrics(7), "Vectors", in its order. */
	{ "customer 0, A 60", "FR 60 A", "FR 60 A" },
	{ "opened 0, customer 1000, A 1060", "FR 1060 A", "FR 60 A" },
	{ "customer 0, customer 30, A 90", "FR 90 A", "FR 90 A" },
	{ "customer 0, bot 3, handoff 10, A 70", "FR 60 A", "FR 60 A" },
	{ "customer 0, bot 3, A 70", "FR 70 A", "FR 70 A" },
	{ "customer 0, autoreply 1, A 50", "FR 50 A", "FR 50 A" },
	{ "customer 0, A 20, customer 100, bot 103, customer 5000, A 5030",
	    "FR 20 A, RT 30 A", "FR 20 A, RT 30 A" },
	{ "customer 0, A 20, customer 100, note 110, A 150", "FR 20 A, RT 50 A",
	    "FR 20 A, RT 50 A" },
	{ "customer 0, A 20, customer 100, transfer B 160, B 190",
	    "FR 20 A, RT 90 B",
	    "FR 20 A, waiting 60 A, RT 90 B, waiting 30 B" },
	{ "customer 0, B 40, customer 100, B 130", "FR 40 B, RT 30 A",
	    "FR 40 B, RT 30 B" },
	{ "customer 0, A 20, closed 300, customer 10000, A 10050, closed 10100",
	    "FR 20 A, resolution 300 A, RT 50 A, resolution 10100 A",
	    "FR 50 A, resolution 100 A" },
	{ "customer 0, A 20, customer 100, closed 400",
	    "FR 20 A, resolution 400 A",
	    "FR 20 A, resolution 400 A, unanswered 300 A" },
	{ "customer 0, now 900", "", "waiting 900 A" },
	{ "A 0, customer 50, A 80", "FR 0 A, RT 30 A", "RT 30 A" },

	/* Where a clock starts. */
	{ "opened 500, customer 0, A 20, customer 600, A 640",
	    "FR 0 A skewed, RT 40 A", "FR 40 A" },
	{ "opened -, customer 100, A 130", "FR 30 A", "FR 30 A" },
	{ "opened -, other 90, customer 100, A 130", "FR 40 A", "FR 30 A" },
	{ "opened 5, customer 5, A 9", "FR 4 A", "FR 4 A" },
	{ "customer 10, reopened 20, A 70", "FR 50 A", "FR 60 A" },
	{ "customer 0, A 20, reopened 30, customer 40, A 50",
	    "FR 20 A, RT 10 A", "FR 20 A, RT 10 A" },
	{ "handoff 10, A 70", "FR 60 A", "FR 60 A" },
	{ "handoff 10, handoff 40, A 70", "FR 60 A", "FR 60 A" },
	{ "customer 0, A 20, handoff 30, A 40", "FR 20 A, RT 10 A",
	    "FR 20 A, RT 10 A" },
	{ "customer 0, handoff 5, closed 10, customer 20, handoff 25, A 30",
	    "resolution 10 A, FR 25 A", "FR 5 A" },

	/* Messages that are not answers, or not from people. */
	{ "customer 0, note 5, autoreply 6, other 7, A 60", "FR 60 A",
	    "FR 60 A" },
	{ "campaign 0, A 60", "FR 60 A", "" },
	{ "customer 0, A 20, campaign 100, A 160", "FR 20 A", "FR 20 A" },
	{ "customer 0, A 20, A 30, A 40", "FR 20 A", "FR 20 A" },
	{ "customer 0, bot 5, now 900", "", "" },
	{ "", "", "" },

	/* One definition is exact to the millisecond, the other to whole
	 * seconds. */
	{ "opened 0.9, customer 0.9, A 2.1", "FR 2 A", "FR 1.2 A" },
	{ "customer 0, A 0.001", "FR 0 A", "FR 0.001 A" },
	{ "customer 0, A 1, customer 1.999, A 2", "FR 1 A, RT 1 A",
	    "FR 1 A, RT 0.001 A" },

	/* Who is credited. */
	{ "transfer nobody 0, customer 10, A 20, customer 30, B 50",
	    "FR 20 A, RT 20 -", "FR 10 A, RT 20 B" },
	{ "customer 0, A 10, customer 20, B 30, transfer C 40, customer 50, "
	  "B 60",
	    "FR 10 A, RT 10 A, RT 10 C", "FR 10 A, RT 10 B, RT 10 B" },
	{ "transfer B 5, transfer C 6, customer 10, A 20, customer 30, A 40",
	    "FR 20 A, RT 10 C", "FR 10 A, RT 10 A" },
	{ "customer 0, ? 20, customer 30, ? 40", "FR 20 -, RT 10 A",
	    "FR 20 -, RT 10 -" },

	/* A wait is shared by the operators who had the chat. */
	{ "customer 0, transfer B 10, transfer C 30, now 90", "",
	    "waiting 10 A, waiting 20 B, waiting 60 A" },
	{ "customer 0, transfer B 10, transfer B 30, B 90", "FR 90 B",
	    "waiting 10 A, FR 90 B, waiting 80 B" },
	{ "customer 0, transfer nobody 10, B 30", "FR 30 B",
	    "waiting 10 A, FR 30 B, waiting 20 -" },
	{ "held A 500, customer 0, transfer B 10, B 30", "FR 30 B", "FR 30 B" },
	{ "held A 500, customer 0, transfer B 10, transfer A 30, A 50",
	    "FR 50 A", "waiting 30 B, FR 50 A, waiting 20 A" },
	{ "customer 0, transfer B 10, closed 30", "resolution 30 B",
	    "waiting 10 A, waiting 20 B, resolution 30 B, unanswered 30 B" },
	{ "customer 0, transfer B 10, bot 30, now 900", "",
	    "waiting 10 A, waiting 20 B" },
	{ "customer 0, A 5, transfer B 10, customer 20, B 30",
	    "FR 5 A, RT 10 B", "FR 5 A, RT 10 B" },
	{ "customer 100, now 40", "", "waiting 0 A skewed" },

	/* Episodes. */
	{ "customer 0, closed 10, closed 20",
	    "resolution 10 A, resolution 20 A", "resolution 0 A" },
	{ "opened 50, customer 0, A 20, closed 40, customer 50, closed 90",
	    "FR 0 A skewed, resolution 0 A skewed, resolution 40 A",
	    "resolution 40 A, unanswered 40 A" },
	{ "customer 0, closed 10, note 20, A 30, customer 40, A 45",
	    "resolution 10 A, FR 30 A, RT 5 A", "RT 5 A" },

	/* The assignee of that time counts, regardless of later reports. */
	{ "held A 0, held B 50, customer 10, closed 40", "resolution 40 A",
	    "resolution 30 A, unanswered 30 A" },
	{ "held A 0, held B 50, customer 10, closed 50", "resolution 50 B",
	    "resolution 40 B, unanswered 40 B" },
	{ "held B 50, customer 10, closed 40", "resolution 40 B",
	    "resolution 30 B, unanswered 30 B" },
	{ "held A 50, held B 50, customer 10, closed 40", "resolution 40 B",
	    "resolution 30 B, unanswered 30 B" },
	{ "held A 0, held nobody 20, customer 10, closed 40", "resolution 40 -",
	    "resolution 30 -, unanswered 30 -" },
	{ "held A 0, held B 30, customer 10, transfer C 20, closed 40",
	    "resolution 40 B",
	    "waiting 10 A, waiting 20 B, resolution 30 B, unanswered 30 B" },
	{ "held B 60, customer 10, transfer B 20, transfer C 30, closed 40",
	    "resolution 40 C",
	    "waiting 20 B, waiting 10 C, resolution 30 C, unanswered 30 C" },
	{ "held B 20, customer 10, transfer C 20, closed 40", "resolution 40 C",
	    "waiting 10 B, waiting 20 C, resolution 30 C, unanswered 30 C" },

	/* A later opening does not change earlier events. */
	{ "opened 0, opened 90, customer 10, A 11, customer 90, A 92",
	    "FR 11 A, RT 2 A", "FR 2 A" },
	{ "opened 0, opened 90, customer 95, A 97", "FR 7 A", "FR 2 A" },
	{ "opened 0, opened 60, customer 10, closed 50, customer 70, closed 80",
	    "resolution 50 A, resolution 20 A",
	    "resolution 10 A, unanswered 10 A" },

	/* A closing that a chat record reports counts once. */
	{ "customer 10, A 20, shut 30", "FR 20 A, resolution 30 A",
	    "FR 10 A, resolution 20 A" },
	{ "customer 10, shut 30, shut 40", "resolution 30 A",
	    "resolution 20 A, unanswered 20 A" },
	{ "customer 10, shut 30, closed 31", "resolution 30 A",
	    "resolution 20 A, unanswered 20 A" },
	{ "customer 10, closed 30, shut 31", "resolution 30 A",
	    "resolution 20 A, unanswered 20 A" },
	{ "customer 10, closed 30, shut 30, customer 40, A 50",
	    "resolution 30 A, FR 50 A", "FR 10 A" },
};

struct script {
	struct message m[MESSAGES];
	size_t n;
	struct mark marks[MESSAGES];
	struct clocks_chat chat;
};

static struct lexicon lexicon;
static struct timeline_scratch scratch;

static uint32_t
name(const char *s, size_t len)
{
	struct text t = { s, len };

	return interner_get(&lexicon.names, t);
}

static int64_t
milliseconds(const char *s)
{
	return strcmp(s, "-") == 0 ? CLOCK_NONE
				   : (int64_t)(strtod(s, NULL) * 1000 + 0.5);
}

/* The words that represent system messages. */
static const struct {
	const char *word;
	enum message_kind kind;
} system_words[] = {
	{ "handoff", KIND_HANDOFF },
	{ "reopened", KIND_OPENED },
	{ "closed", KIND_CLOSED },
	{ "other", KIND_OTHER },
	{ "transfer", KIND_ASSIGNED },
};

static void
set_sender(struct message *m, const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(system_words); i++) {
		if (strcmp(word, system_words[i].word) != 0)
			continue;
		m->from = FROM_SYSTEM;
		m->is = system_words[i].kind & 7u;
		return;
	}
	m->is_private = strcmp(word, "note") == 0;
	m->automated =
	    strcmp(word, "autoreply") == 0 || strcmp(word, "campaign") == 0;
	if (strcmp(word, "customer") == 0 || strcmp(word, "campaign") == 0)
		m->from = FROM_CUSTOMER;
	else if (strcmp(word, "bot") == 0)
		m->from = FROM_BOT;
	else
		m->from = FROM_OPERATOR;
	if (m->from == FROM_OPERATOR && word[0] != '?')
		m->user = name(word[1] == '\0' ? word : "A", 1);
}

/* Marks with the same time are in the order of their kinds. */
static void
add_mark(
    struct script *s, enum mark_kind kind, const char *whom, const char *at)
{
	struct mark x = { .at = milliseconds(at), .kind = kind };
	size_t i = s->chat.marks_n++;

	assert_true(i < MESSAGES);
	if (whom != NULL && strcmp(whom, "nobody") != 0)
		x.assignee = name(whom, strlen(whom));
	for (; i > 0 &&
	       (s->marks[i - 1].at > x.at ||
		   (s->marks[i - 1].at == x.at && s->marks[i - 1].kind > kind));
	     i--)
		s->marks[i] = s->marks[i - 1];
	s->marks[i] = x;
}

static void
add_opening(struct script *s, const char *at)
{
	if (milliseconds(at) == CLOCK_NONE)
		return;
	if (s->chat.opened_at == CLOCK_NONE)
		s->chat.opened_at = milliseconds(at);
	add_mark(s, MARK_OPENED, NULL, at);
}

static void
add_step(struct script *s, const char *word, const char *whom, const char *at)
{
	struct text id;
	char number[4];
	struct message *m;

	if (strcmp(word, "opened") == 0) {
		add_opening(s, at);
	} else if (strcmp(word, "now") == 0) {
		s->chat.as_of = milliseconds(at);
	} else if (strcmp(word, "held") == 0) {
		add_mark(s, MARK_ASSIGNEE, whom, at);
	} else if (strcmp(word, "shut") == 0) {
		add_mark(s, MARK_CLOSED, NULL, at);
	} else {
		assert_true(s->n < MESSAGES);
		m = &s->m[s->n];
		memset(m, 0, sizeof *m);
		snprintf(number, sizeof number, "%zu", s->n + 1);
		id.p = number;
		id.len = strlen(number);
		m->id = message_id_make(&lexicon.message_ids, id);
		message_set_at(m, milliseconds(at));
		set_sender(m, word);
		if (whom != NULL && strcmp(whom, "nobody") != 0)
			m->operator_id = name(whom, strlen(whom));
		s->n++;
	}
}

static void
read_script(struct script *s, const char *timeline)
{
	char *copy = xstrdup(timeline), *save = NULL, *part, *words, *w[3];
	size_t n;

	memset(s, 0, sizeof *s);
	s->chat.assignee = name("A", 1);
	s->chat.opened_at = CLOCK_NONE;
	s->chat.marks = s->marks;
	if (strstr(timeline, "opened") == NULL)
		add_opening(s, "0");
	if (strstr(timeline, "held") == NULL)
		add_mark(s, MARK_ASSIGNEE, "A", "0");
	s->chat.as_of = 100000 * 1000;
	s->chat.ongoing = true;
	for (part = strtok_r(copy, ",", &save); part != NULL;
	     part = strtok_r(NULL, ",", &save)) {
		char *inner = NULL;

		for (n = 0, words = strtok_r(part, " ", &inner);
		     words != NULL && n < 3;
		     words = strtok_r(NULL, " ", &inner))
			w[n++] = words;
		assert_true(n == 2 || n == 3);
		add_step(s, w[0], n == 3 ? w[1] : NULL, w[n - 1]);
	}
	s->chat.messages = s->m;
	s->chat.n = timeline_normalize(&lexicon, &scratch, s->m, s->n);
	timeline_drop(&lexicon, &scratch.dropped);
	free(copy);
}

static void
collect_interval(void *ctx, const struct interval *i)
{
	static const char *const words[] = {
		[INTERVAL_FIRST_RESPONSE] = "FR",
		[INTERVAL_REPLY] = "RT",
		[INTERVAL_RESOLUTION] = "resolution",
		[INTERVAL_UNANSWERED] = "unanswered",
		[INTERVAL_WAITING] = "waiting",
	};
	struct buf *b = ctx;

	buf_addf(b, "%s%s %lld", b->len > 0 ? ", " : "", words[i->kind],
	    (long long)(i->ms / 1000));
	if (i->ms % 1000 != 0) {
		buf_addf(b, ".%03lld", (long long)(i->ms % 1000));
		while (b->data[b->len - 1] == '0')
			b->data[--b->len] = '\0';
	}
	buf_addf(b, " %s%s",
	    i->operator_id != 0
		? interner_text(&lexicon.names, i->operator_id).p
		: "-",
	    i->skewed ? " skewed" : "");
}

static void
collect_episode(void *ctx, int64_t ended_at)
{
	(void)ended_at;
	buf_clear(ctx);
}

static void
check(const struct vector *v, const struct definition *definition,
    const char *want)
{
	struct script s;
	struct buf got = BUF_INIT;
	struct clocks_listener to = { .ctx = &got,
		.on_interval = collect_interval,
		.on_episode = collect_episode };

	read_script(&s, v->timeline);
	clocks_walk(definition, &s.chat, &to, NULL);
	if (strcmp(buf_str(&got), want) != 0)
		fail_msg("%s: %s\n  got  %s\n  want %s", definition->name,
		    v->timeline, buf_str(&got), want);
	buf_release(&got);
}

static void
vectors_hold(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(vectors); i++) {
		check(&vectors[i], &definition_ours, vectors[i].ours);
		check(&vectors[i], &definition_chatwoot, vectors[i].chatwoot);
	}
}

/* The parts of a wait add up to the whole of it. */
static void
shares_of_a_wait_add_up(void **state)
{
	static const char *const timelines[] = {
		"customer 0, transfer B 10, transfer C 30, A 100",
		"customer 0, transfer B 10, transfer nobody 30, now 100",
		"customer 0, transfer B 0, transfer C 100, A 100",
	};
	struct script s;
	struct buf got = BUF_INIT;
	struct clocks_listener to = { .ctx = &got,
		.on_interval = collect_interval };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(timelines); i++) {
		long sum = 0;
		const char *p;

		read_script(&s, timelines[i]);
		buf_clear(&got);
		clocks_walk(&definition_ours, &s.chat, &to, NULL);
		for (p = buf_str(&got); (p = strstr(p, "waiting ")) != NULL;)
			sum += strtol(p += strlen("waiting "), NULL, 10);
		if (sum != 100)
			fail_msg("%s: %s", timelines[i], buf_str(&got));
	}
	buf_release(&got);
}

static void
a_chat_that_is_not_ongoing_does_not_wait(void **state)
{
	struct script s;
	struct buf got = BUF_INIT;
	struct clocks_listener to = { .ctx = &got,
		.on_interval = collect_interval };
	struct clocks end;

	(void)state;
	read_script(&s, "customer 0, now 900");
	s.chat.ongoing = false;
	clocks_walk(&definition_ours, &s.chat, &to, &end);
	assert_int_equal(got.len, 0);
	assert_int_equal(end.w, 0);
	buf_release(&got);
}

static void
definitions_have_names(void **state)
{
	(void)state;
	assert_ptr_equal(definition_find("ours"), &definition_ours);
	assert_ptr_equal(definition_find("chatwoot"), &definition_chatwoot);
	assert_null(definition_find("zendesk"));
}

static int
set_up(void **state)
{
	(void)state;
	lexicon_init(&lexicon);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	timeline_release(&scratch);
	lexicon_release(&lexicon);
	return 0;
}

int
test_clocks(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_hold),
		cmocka_unit_test(shares_of_a_wait_add_up),
		cmocka_unit_test(a_chat_that_is_not_ongoing_does_not_wait),
		cmocka_unit_test(definitions_have_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
