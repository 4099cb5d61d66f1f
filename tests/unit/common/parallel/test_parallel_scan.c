/*
 * Tests of common/parallel_scan and common/scanned: with any number of threads
 * the lines of an input come in their order, each read as record_parse() reads
 * it, as a record, a message or an event, wherever parts end; there is a thread
 * for each core; a part is there as soon as it was written; and a request to
 * stop ends a wait.
 */
#include "tests/unit/tmpdir.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "common/base/buf.h"
#include "common/os/stop.h"
#include "common/parallel/parallel_scan.h"
#include "tests/unit/dice.h"
#include "tests/unit/record_equal.h"

#define AT "\"at\":\"2026-11-20T10:00:00.123Z\""
#define CHAT "\"tenant\":\"t1\",\"chat\":\"c-1\","
#define MESSAGE                                                                \
	"{\"type\":\"message\"," CHAT AT ",\"from\":\"operator\","             \
	"\"user\":\"op-1\",\"kind\":\"text\""

/* Usual and unusual ones, bad ones, and ones that nobody keeps. */
static const char *const kinds[] = {
	MESSAGE ",\"id\":\"m-17\",\"private\":true}",
	MESSAGE ", \"id\": 17, \"stale\": true, \"snapshot\": \"s\"}",
	MESSAGE ", \"id\": 18, \"about\": true}",
	MESSAGE
	",\"id\":\"1234567890123456789\",\"automated\":true,"
	"\"updated_at\":\"2026-11-20T10:00:01Z\",\"channel\":\"\\u0061\"}",
	"{\"type\":\"message\",\"tenant\":\"t-2\",\"chat\":\"a-long-name-of-a-"
	"chat\","
	"\"id\":\"0\"," AT ",\"from\":\"system\",\"operator\":\"op-17\","
	"\"kind\":\"a\\\"b\",\"channel\":\"web\"}",
	MESSAGE ",\"id\":\"m-18\",\"text\":\"a \\\"b\\\" \\u00e9\","
		"\"data\":{\"a\":[1,2]}}\r",
	MESSAGE ",\"id\":\"m\\u002d19\",\t\"operator\":null}",
	MESSAGE "}",
	"{\"type\":\"chat\"," CHAT "\"status\":\"closed\",\"tag\":\"\","
	"\"closed_at\":\"2026-11-20T09:00:00Z\",\"customer_name\":\"Z\"}",
	"{\"type\":\"operator\",\"tenant\":\"t2\",\"operator\":\"7\","
	"\"available\":false,\"max_chats\":0}",
	"{\"type\":\"event\",\"tenant\":\"t2\",\"id\":\"e-1\",\"user\":\"u\","
	"\"event\":\"login\"," AT ",\"x\":{\"id\":\"no\"}}",
	"{\"type\":\"event\",\"tenant\":\"t2\",\"id\":17,"
	"\"event\":\"a-long-name-of-an-event\"," AT "}",
	"{\"type\":\"clock\",\"tenant\":\"t1\"," AT "}",
	"{\"type\":\"snapshot\",\"tenant\":\"t1\",\"snapshot\":\"s\","
	"\"state\":\"end\",\"records\":5}",
	"{\"type\":\"row\",\"table\":\"t\",\"tenant\":\"t1\",\"n\":1.5,"
	"\"as_of\":\"2026-11-20T10:00:00.123Z\"}",
	"{\"type\":\"telepathy\",\"tenant\":\"t1\",\"n\":[]}",
	"",
	"\"",
	"\xC3",
};

/* What is read, and how far the reader came. */
struct told_lines {
	struct buf text;
	size_t at;
	struct record record;
	struct scanned_user user;
	struct flat flat;
	struct buf why;
	size_t too_long, messages, events;
};

static void
tell_line(struct told_lines *s, uint64_t *dice)
{
	size_t kind = dice_below(dice, ARRAY_LEN(kinds)), i, n;
	char *room;

	switch (dice_below(dice, 4000)) {
	case 0: /* as long as a line may be, or one longer */
		n = RECORD_MAX_LINE + dice_below(dice, 2);
		room = buf_room(&s->text, n);
		memset(room, 'x', n);
		buf_grown(&s->text, n);
		break;
	case 1:
		buf_add(&s->text, "{\"a\0b", 5);
		break;
	default:
		buf_adds(&s->text, kinds[kind]);
		for (i = dice_below(dice, 8); i == 0; i = dice_below(dice, 8))
			buf_addc(&s->text, ' ');
		break;
	}
	buf_addc(&s->text, '\n');
}

static void
story_end(struct told_lines *s)
{
	buf_release(&s->text);
	buf_release(&s->why);
	flat_release(&s->flat);
}

/* The line that comes next in the story, which must be this one. */
static size_t
expect_line(struct told_lines *s, const char *line, size_t most)
{
	const char *want = s->text.data + s->at, *nl;
	size_t len;

	nl = memchr(want, '\n', s->text.len - s->at);
	assert_non_null(nl);
	len = (size_t)(nl - want);
	if (len > most || memcmp(want, line, len) != 0)
		fail_msg("at byte %zu another line", s->at);
	s->at += len + 1;
	return len;
}

static void
expect_record(struct told_lines *s)
{
	const struct scanned_user *u = &s->user;
	char *copy = xcalloc(1, u->len + SCAN_BEHIND);
	struct record alone;
	const char *differs;

	assert_int_equal(expect_line(s, u->line, u->len), u->len);
	memcpy(copy, u->line, u->len);
	if (record_parse(&alone, &s->flat, copy, u->len, &s->why) != 0)
		fail_msg("a record, though it is bad: %s", copy);
	alone.type_name = s->record.type_name;
	differs = record_difference(&s->record, &alone);
	if (differs != NULL)
		fail_msg("another %s in %s", differs, copy);
	free(copy);
}

static void
expect_same_text(struct text a, struct text b)
{
	assert_int_equal(a.p == NULL, b.p == NULL);
	assert_int_equal(a.len, b.len);
	if (a.p != NULL)
		assert_memory_equal(a.p, b.p, a.len);
}

static void
expect_word(const struct scanned_words *w, uint8_t word, enum scanned_use use,
    struct text t)
{
	assert_true(word <= w->n);
	expect_same_text(w->words[word].text, t);
	if (word != 0)
		assert_int_equal(w->words[word].use, use);
}

static void
expect_id(const struct scanned_message *x, const struct scanned_words *w,
    struct text id)
{
	struct text prefix = w->words[x->id_prefix].text;
	char text[64];

	switch ((enum id_form)x->id_form) {
	case ID_OTHER:
		expect_same_text(scanned_message_id(x), id);
		return;
	case ID_NUMBER:
		prefix.len = 0;
		(void)snprintf(text, sizeof text, "%" PRIu64, x->id_value);
		break;
	case ID_PREFIXED:
		expect_word(w, x->id_prefix, WORD_PREFIX, prefix);
		(void)snprintf(text, sizeof text, "%.*s%0*" PRIu64,
		    TEXT_ARG(prefix), x->id_digits, x->id_value);
		break;
	}
	expect_same_text((struct text){ text, strlen(text) }, id);
}

/* Reads the next line again, which belongs to no snapshot; its texts are in the
 * copy that is returned. */
static char *
read_line_again(struct told_lines *s, struct record *r)
{
	const char *line = s->text.data + s->at;
	size_t len =
	    (size_t)((const char *)memchr(line, '\n', s->text.len - s->at) -
		     line);
	char *copy = xcalloc(1, len + SCAN_BEHIND);

	s->at += len + 1;
	memcpy(copy, line, len);
	assert_int_equal(record_parse(r, &s->flat, copy, len, &s->why), 0);
	assert_null(r->snapshot.p);
	return copy;
}

/* The next line is this event. */
static void
expect_event(struct told_lines *s, const struct scanned_words *w)
{
	const struct scanned_event *x = s->user.event;
	struct record r;
	char *copy = read_line_again(s, &r);

	s->events++;
	assert_int_equal(r.type, RECORD_EVENT);
	assert_int_equal(x->at, r.at);
	expect_word(w, x->tenant, WORD_TENANT, r.tenant);
	expect_word(w, x->event, WORD_EVENT, r.event);
	expect_same_text(scanned_event_id(x), r.id);
	expect_same_text(scanned_event_user(x), r.user);
	free(copy);
}

/* The next line is this message. */
static void
expect_message(struct told_lines *s, const struct scanned_words *w)
{
	const struct scanned_message *x = s->user.message;
	struct record r;
	char *copy = read_line_again(s, &r);

	s->messages++;
	assert_int_equal(r.type, RECORD_MESSAGE);
	assert_false(r.about);
	assert_int_equal(x->at, r.at);
	assert_int_equal(x->updated_at, r.updated_at);
	assert_int_equal(x->from, r.from);
	assert_int_equal(x->is_private, r.is_private);
	assert_int_equal(x->automated, r.automated);
	assert_int_equal(x->chat_hash, scanned_hash(r.chat));
	expect_same_text(scanned_message_chat(x), r.chat);
	expect_same_text(scanned_message_user(x), r.user);
	expect_same_text(scanned_message_operator(x), r.operator_id);
	expect_word(w, x->tenant, WORD_TENANT, r.tenant);
	expect_word(w, x->channel, WORD_CHANNEL, r.channel);
	expect_word(w, x->kind, WORD_KIND, r.kind);
	expect_id(x, w, r.id);
	free(copy);
}

static void
expect_lines(struct told_lines *s)
{
	const char *p = s->user.line, *end = p + s->user.len;

	while (p < end)
		p += expect_line(s, p, (size_t)(end - p)) + 1;
	assert_ptr_equal(p, end);
	s->user.has = SCANNED_UNKNOWN;
}

static void
expect_part(struct told_lines *s, struct scanned *x)
{
	enum scanned_what what;

	while ((what = scanned_next(x, &s->user)) != SCANNED_END) {
		if (what == SCANNED_RECORD)
			expect_record(s);
		else if (what == SCANNED_MESSAGE)
			expect_message(s, &x->words);
		else if (what == SCANNED_EVENT)
			expect_event(s, &x->words);
		else
			expect_lines(s);
	}
}

static struct endpoint *
open_story(const char *name)
{
	struct endpoint_options opt = { 0 };
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct endpoint *in = endpoint_open_read(name, &opt, &why, &code);

	assert_non_null(in);
	buf_release(&why);
	return in;
}

/* Skips a line that is too long. */
static void
expect_too_long(struct told_lines *s, const struct parallel_scan *a)
{
	const char *p = s->text.data + s->at;
	const char *nl = memchr(p, '\n', s->text.len - s->at);

	assert_string_equal(parallel_scan_refusal(a), "the line is too long");
	assert_int_equal(nl - p, RECORD_MAX_LINE + 1);
	s->at += RECORD_MAX_LINE + 2;
	s->too_long++;
}

/* Reads all of the file; returns how it ended. */
static enum endpoint_status
read_story(struct told_lines *s, const char *name, size_t cores, bool messages)
{
	struct endpoint *in = open_story(name);
	struct parallel_scan *a =
	    parallel_scan_open(in, cores, false, messages);
	enum endpoint_status status;
	struct scanned *x;

	s->at = 0;
	s->too_long = 0;
	s->messages = 0;
	s->events = 0;
	s->user = (struct scanned_user){ .record = &s->record,
		.has = SCANNED_UNKNOWN };
	for (;;) {
		status = parallel_scan_next(a, &x);
		if (status == ENDPOINT_RECORD)
			expect_part(s, x);
		else if (status == ENDPOINT_TOOLONG)
			expect_too_long(s, a);
		else
			break;
	}
	parallel_scan_close(a);
	endpoint_close(in);
	return status;
}

static void
expect_order(bool messages)
{
	static const size_t cores[] = { 1, 2, 3, 64 };
	uint64_t dice = DICE_START;
	struct told_lines s = { .at = 0 };
	size_t i, cut, whole;

	while (s.text.len < 6 * 1024 * 1024)
		tell_line(&s, &dice);
	whole = s.text.len;
	tmpdir_file("story", s.text.data, whole, 0600);
	buf_adds(&s.text, "{\"cut");
	tmpdir_file("cut", s.text.data, s.text.len, 0600);
	for (i = 0; i < ARRAY_LEN(cores); i++) {
		for (cut = 0; cut < 2; cut++) {
			assert_int_equal(read_story(&s, cut ? "cut" : "story",
					     cores[i], messages),
			    cut ? ENDPOINT_CUT : ENDPOINT_END);
			assert_int_equal(
			    s.messages > 0, messages && cores[i] > 1);
			assert_int_equal(
			    s.events > 0, messages && cores[i] > 1);
			assert_int_equal(s.at, whole);
			assert_true(s.too_long > 0);
		}
	}
	story_end(&s);
}

static void
lines_come_in_order(void **state)
{
	(void)state;
	expect_order(false);
}

static void
messages_come_in_order(void **state)
{
	(void)state;
	expect_order(true);
}

static size_t
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	assert_int_equal(closedir(dir), 0);
	return n;
}

/* With the user's: more would wait for each other. */
static void
there_is_a_thread_for_each_core(void **state)
{
	static const size_t cores[] = { 1, 2, 3 };
	struct told_lines s = { .at = 0 };
	struct parallel_scan *a;
	struct endpoint *in;
	struct scanned *x;
	size_t i, parts, others = count_threads() - 1; /* a sanitizer's */

	(void)state;
	/* More than they read ahead: else they may have ended. */
	while (s.text.len < 8 * 1024 * 1024)
		buf_addf(&s.text, "%s\n", kinds[0]);
	tmpdir_file("story", s.text.data, s.text.len, 0600);
	for (i = 0; i < ARRAY_LEN(cores); i++) {
		in = open_story("story");
		a = parallel_scan_open(in, cores[i], false, false);
		for (parts = 0; parts < 4; parts++)
			(void)parallel_scan_next(a, &x);
		assert_int_equal(count_threads(), others + cores[i]);
		parallel_scan_close(a);
		endpoint_close(in);
	}
	story_end(&s);
}

/* A user who does not read on, and one who closes in the middle. */
static void
may_be_closed_at_any_time(void **state)
{
	struct told_lines s = { .at = 0 };
	uint64_t dice = DICE_START;
	struct parallel_scan *a;
	struct endpoint *in;
	struct scanned *x;
	size_t parts, i;

	(void)state;
	while (s.text.len < 8 * 1024 * 1024)
		tell_line(&s, &dice);
	tmpdir_file("story", s.text.data, s.text.len, 0600);
	for (parts = 0; parts < 12; parts++) {
		in = open_story("story");
		a = parallel_scan_open(in, 4, true, true);
		for (i = 0; i < parts; i++)
			(void)parallel_scan_next(a, &x);
		parallel_scan_close(a);
		endpoint_close(in);
	}
	parallel_scan_close(NULL);
	story_end(&s);
}

/* Opens a pipe as /dev/fd/N; *end is where to write. */
static struct endpoint *
open_pipe(int fd[2])
{
	char name[32];

	assert_int_equal(pipe(fd), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", fd[0]);
	return open_story(name);
}

/* Nothing is written before the last part was read. */
static void
a_part_comes_at_once(void **state)
{
	struct told_lines s = { .user = { .record = &s.record } };
	struct parallel_scan *a;
	struct endpoint *in;
	struct scanned *x;
	size_t from, i;
	int fd[2];

	(void)state;
	in = open_pipe(fd);
	a = parallel_scan_open(in, 2, false, false);
	/* More than is read without threads. */
	for (i = 0; i < 600; i++) {
		from = s.text.len;
		while (i < 500 && s.text.len - from < 1000)
			buf_addf(&s.text, "%s\n", kinds[i % 8]);
		if (i >= 500)
			buf_addf(&s.text, "%s\n", kinds[i % 8]);
		assert_int_equal(
		    write(fd[1], s.text.data + from, s.text.len - from),
		    (ssize_t)(s.text.len - from));
		assert_int_equal(parallel_scan_next(a, &x), ENDPOINT_RECORD);
		s.user.has = SCANNED_UNKNOWN;
		expect_part(&s, x);
		assert_int_equal(s.at, s.text.len);
	}
	stop_set(true);
	assert_int_equal(parallel_scan_next(a, &x), ENDPOINT_WAIT);
	stop_set(false);
	parallel_scan_close(a);
	endpoint_close(in);
	assert_int_equal(close(fd[0]), 0);
	assert_int_equal(close(fd[1]), 0);
	story_end(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_in_order),
		cmocka_unit_test(messages_come_in_order),
		cmocka_unit_test(there_is_a_thread_for_each_core),
		cmocka_unit_test(may_be_closed_at_any_time),
		cmocka_unit_test(a_part_comes_at_once),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
