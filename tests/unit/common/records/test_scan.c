/*
 * Tests of common/records/scan: every variant gives the same answers as
 * record_parse(), wherever a line lies, and usual lines take the fast way.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/os/lines.h"
#include "common/records/scan.h"
#include "tests/unit/record_equal.h"

#define HEAD "{\"type\":\"message\",\"tenant\":\"t1\",\"id\":\"m-1\",\"chat\":"
#define AT "\"at\":\"2026-11-20T10:00:00.123Z\","
#define TAIL "\"from\":\"operator\",\"user\":\"op-1\",\"kind\":\"text\""

static const char *const usual[] = {
	HEAD "\"c-1\"," AT TAIL "}",
	HEAD "\"c-1\", " AT TAIL ", \"private\": true}",
	HEAD "\"c \xC2\xA0\"," AT TAIL ",\"text\":\"\xC2\xAB 5 \xC2\xB0 \"}",
	HEAD "\"c-1\"," AT TAIL ",\"about\":true,\"data\":{\"analytics\":{}}}",
	"{\"at\":\"2026-11-20T10:00:59.999Z\",\"chat\":17,\"id\":\"1\","
	"\"automated\":false,\"tenant\":\"t2\",\"operator\":null,"
	"\"from\":\"bot\",\"type\":\"message\"}",
	HEAD "\"c-1\"," AT TAIL
	     ",\"text\":\"a \\\"b\\\" \\u00e9 \\ud83d\\ude00 "
	     "\xC3\xA9\xE3\x81\x82\xF0\x9F\x98\x80\"}",
	HEAD "\"c-1\"," AT TAIL ",\"x\":[1,-2.5e3,{\"a\":\"\\\"}\"}],"
	     "\"data\":{\"id\":\"no\",\"at\":[1, 2],\"deep\":{\"chat\" : {}}}}",
	"{\"type\":\"operator\",\"tenant\":\"t1\",\"operator\":\"7\","
	"\"name\":\"Zo\xC3\xAB \\\\\",\"available\":true,\"max_chats\":12,"
	"\"reported_open_chats\":0,\"chat\":\"not its field\","
	"\"private\":true,\"records\":3}",
	"{\"type\":\"chat\",\"tenant\":\"t1\",\"chat\":\"1\",\"status\":"
	"\"open\","
	"\"opened_at\":\"2026-11-20T09:00:00Z\",\"customer_name\":\"\"}",
};

/* Bad, or only unusual. */
static const char *const unusual[] = {
	"{\"type\":\"row\",\"table\":\"t\",\"tenant\":\"t1\",\"n\":1.5,"
	"\"as_of\":\"2026-11-20T10:00:00.123Z\"}",
	"{\"type\":\"telepathy\",\"tenant\":\"t1\",\"n\":[]}",
	"{\"type\":\"snapshot\",\"tenant\":\"t1\",\"snapshot\":\"s\","
	"\"state\":\"end\",\"records\":5}",
	"{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"7\","
	"\"reported_open_chats\":4294967296}",
	"{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"7\","
	"\"max_chats\":5000000000}",
	"",
	"{}",
	"[]",
	"{\"type\":\"message\"}",
	HEAD "\"c\\u002d1\"," AT TAIL "}",
	HEAD "\"c-1\",\"c\\u0068at\":\"c-2\"," AT TAIL "}",
	HEAD "\"c-1\",\"chat\":\"c-2\"," AT TAIL "}",
	HEAD "\"c-1\",\"id\":null," AT TAIL "}",
	HEAD "\"\"," AT TAIL "}",
	HEAD "1.5," AT TAIL "}",
	HEAD "-0," AT TAIL "}",
	HEAD "\"c-1\",\t" AT TAIL "}\r",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"a\\x\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"a\\ud800\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\\\\ud83d\\ude00\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\\u0000\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\x01\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\xC3\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\xE3\x81\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\xF0\x9F\x98\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\xED\xA0\x80\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\xC0\x80\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\xE0\x80\xAF\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\xF4\x90\x80\x80\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"\x80\"}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"no end}",
	HEAD "\"c-1\"," AT TAIL ",\"text\":\"no end\\\"}",
	HEAD "\"c-1\"," AT TAIL ",\"x\":[1,2}}",
	HEAD "\"c-1\"," AT TAIL ",\"x\":{\"a\":1]}",
	HEAD "\"c-1\"," AT TAIL ",\"x\":01}",
	HEAD "\"c-1\"," AT TAIL ",\"x\":1e999}",
	HEAD "\"c-1\"," AT TAIL ",\"x\":99999999999999999999}",
	HEAD "\"c-1\"," AT TAIL ",\"x\":\"\\ud83d\"}",
	HEAD "\"c-1\"," AT TAIL ",\"data\":\"x\"}",
	HEAD "\"c-1\"," AT TAIL ",\"data\":1e400}",
	HEAD "\"c-1\"," AT TAIL ",\"data\":true}",
	HEAD "12345678901234567890," AT TAIL "}",
	HEAD "\"c-1 \"," AT TAIL "}",
	HEAD "\"c\x7F\"," AT TAIL "}",
	HEAD "\"c\xC2\x80\"," AT TAIL "}",
	HEAD "\"c\xC2\x9F\"," AT TAIL "}",
	HEAD "\"c-1\"," AT TAIL "}}",
	HEAD "\"c-1\"," AT TAIL ",}",
	HEAD "\"c-1\"," AT "\"from\":\"\",\"user\":\"u\"}",
	"\xEF\xBB\xBF" HEAD "\"c-1\"," AT TAIL "}",
	"\"",
	"\\",
	("{\"type\":\"view\",\"tenant\":\"\",\"message\":\"1\",\"user\":\"u\","
	 "\"at\":\"2026-11-20T10:00:00.123Z\"}"),
};

/* Makes a block with readable bytes around it. */
static char *
block_new(const char *p, size_t len)
{
	char *b = xcalloc(1, LINES_BEFORE + len + LINES_BEHIND);

	memcpy(b + LINES_BEFORE, p, len);
	return b + LINES_BEFORE;
}

static void
block_free(char *b)
{
	free(b - LINES_BEFORE);
}

/* Reads the next record and parses its line by itself; both must give the
 * same. */
static void
check_next(struct scan *s, const char *want, const char *what)
{
	size_t len = strlen(want);
	char *line = block_new(want, len);
	struct flat flat = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct record r, alone;
	int rc = scan_record(s, &r), rc_alone;
	const char *differs;

	rc_alone = record_parse(&alone, &flat, line, len, &why);
	if (rc == 0 || s->len != len || memcmp(s->line, want, len) != 0)
		fail_msg("%s: not the line %s", what, want);
	if ((rc == 1) != (rc_alone == 0))
		fail_msg("%s: %d for %s", what, rc, want);
	if (rc == -1 && strcmp(buf_str(&s->why), buf_str(&why)) != 0)
		fail_msg("%s: '%s' for %s", what, buf_str(&s->why), want);
	differs = rc == 1 ? record_difference(&r, &alone) : NULL;
	if (differs != NULL)
		fail_msg("%s: another %s in %s", what, differs, want);
	flat_release(&flat);
	buf_release(&why);
	block_free(line);
}

/* Tests the line between another line of any length and a further one. */
static void
check_at(const char *line, size_t shift, bool fast, bool plain)
{
	const char *what = plain ? "plain" : "fastest";
	struct buf text = BUF_INIT, pad = BUF_INIT;
	struct scan s;
	struct record r;
	char *block;

	buf_addf(&pad,
	    "{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"1\","
	    "\"name\":\"%*s\"}",
	    (int)shift, "");
	buf_addf(&text, "%s\n%s\n%s\n", pad.data, line, usual[0]);
	block = block_new(text.data, text.len);
	scan_init(&s);
	if (plain)
		scan_use_plain_code(&s);
	scan_block(&s, block, text.len);
	check_next(&s, pad.data, what);
	check_next(&s, line, what);
	check_next(&s, usual[0], what);
	assert_int_equal(scan_record(&s, &r), 0);
	assert_int_equal(scan_record(&s, &r), 0);
	if (fast && s.slow > 0)
		fail_msg("%s: the slow way was taken: %s", what, line);
	scan_release(&s);
	block_free(block);
	buf_release(&pad);
	buf_release(&text);
}

static void
every_variant_answers_like_record_parse(void **state)
{
	size_t k, shift;
	int plain;

	(void)state;
	for (plain = 0; plain <= 1; plain++)
		for (shift = 0; shift < 70; shift++) {
			for (k = 0; k < ARRAY_LEN(usual); k++)
				check_at(usual[k], shift, true, plain);
			for (k = 0; k < ARRAY_LEN(unusual); k++)
				check_at(unusual[k], shift, false, plain);
		}
}

/* Lines longer than what is indexed at once, with bad lines among them. */
static void
lines_of_any_length_are_read(void **state)
{
	static const size_t lengths[] = { 0, 1, 8000, 8191, 8192, 8193, 20000,
		100, 300000, 1 };
	struct buf text = BUF_INIT, lines[ARRAY_LEN(lengths)];
	struct record r;
	struct scan s;
	char *block;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lengths); i++) {
		lines[i] = (struct buf)BUF_INIT;
		buf_addf(&lines[i],
		    HEAD "\"c\"," AT TAIL ",\"text\":\"%*s\\n%s}",
		    (int)lengths[i], "\xC3\xA9", i % 3 == 2 ? "" : "\"");
		buf_addf(&text, "%s\n", lines[i].data);
	}
	block = block_new(text.data, text.len);
	scan_init(&s);
	scan_block(&s, block, text.len);
	for (i = 0; i < ARRAY_LEN(lengths); i++)
		check_next(&s, lines[i].data, "long");
	assert_int_equal(scan_record(&s, &r), 0);
	assert_int_equal(s.slow, 3);
	scan_release(&s);
	block_free(block);
	buf_release(&text);
	for (i = 0; i < ARRAY_LEN(lengths); i++)
		buf_release(&lines[i]);
}

/* Only r->text is skipped, and only if it is not read. */
static void
a_skipped_text_stays_as_it_is_written(void **state)
{
	static const char lines[] =
	    HEAD "\"c-1\"," AT TAIL ",\"text\":\"a\\nb\",\"to\":\"x\"}\n"
		 "{\"type\":\"operator\",\"tenant\":\"t1\",\"operator\":\"7\","
		 "\"name\":\"a\\nb\"}\n" HEAD "\"c-1\"," AT TAIL
		 ",\"text\":\"a\\xb\"}\n";
	char *block = block_new(lines, sizeof lines - 1);
	struct record r;
	struct scan s;

	(void)state;
	scan_init(&s);
	s.skips_text = true;
	scan_block(&s, block, sizeof lines - 1);
	assert_int_equal(scan_record(&s, &r), 1);
	assert_true(text_is(r.text, "a\\nb"));
	assert_true(text_is(r.to, "x"));
	assert_int_equal(scan_record(&s, &r), 1);
	assert_true(text_is(r.name, "a\nb"));
	assert_int_equal(s.slow, 0);
	assert_int_equal(scan_record(&s, &r), -1);
	assert_int_equal(scan_record(&s, &r), 0);
	scan_release(&s);
	block_free(block);
}

/* Texts that were copied out of lines stay valid as long as the block. */
static void
records_live_as_long_as_the_block(void **state)
{
	static struct record records[1000];
	struct buf text = BUF_INIT;
	char want[16];
	struct scan s;
	char *block;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(records); i++)
		buf_addf(&text,
		    "{\"type\":\"operator\",\"tenant\":\"t\",\"operator\":\"%s%"
		    "zu"
		    "\",\"name\":\"\\u00e9%zu\"}\n",
		    i % 2 ? "\\u0041" : "A", i, i);
	block = block_new(text.data, text.len);
	scan_init(&s);
	scan_block(&s, block, text.len);
	for (i = 0; i < ARRAY_LEN(records); i++)
		assert_int_equal(scan_record(&s, &records[i]), 1);
	assert_int_equal(s.fast, 500);
	assert_int_equal(s.slow, 500);
	for (i = 0; i < ARRAY_LEN(records); i++) {
		snprintf(want, sizeof want, "\xC3\xA9%zu", i);
		assert_true(text_is(records[i].name, want));
		snprintf(want, sizeof want, "A%zu", i);
		assert_true(text_is(records[i].operator_id, want));
	}
	scan_block(&s, block, 0);
	assert_int_equal(scan_record(&s, &records[0]), 0);
	scan_release(&s);
	block_free(block);
	buf_release(&text);
}

int
test_scan(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_variant_answers_like_record_parse),
		cmocka_unit_test(lines_of_any_length_are_read),
		cmocka_unit_test(a_skipped_text_stays_as_it_is_written),
		cmocka_unit_test(records_live_as_long_as_the_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
