/*
 * Tests of common/records/scan: the lines of a block become records, bad ones
 * among them, and texts live as long as the block.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/os/lines.h"
#include "common/records/scan.h"

#define HEAD "{\"type\":\"message\",\"tenant\":\"t1\",\"id\":\"m-1\",\"chat\":"
#define AT "\"at\":\"2026-11-20T10:00:00.123Z\","
#define TAIL "\"from\":\"operator\",\"user\":\"op-1\",\"kind\":\"text\""

/* Makes a block with readable bytes after it. */
static char *
block_new(const char *p, size_t len)
{
	char *b = xcalloc(1, len + LINES_BEHIND);

	memcpy(b, p, len);
	return b;
}

static void
every_line_becomes_a_record_or_a_reason(void **state)
{
	static const char lines[] =
	    HEAD "\"c-1\"," AT TAIL "}\n"
		 "\n" HEAD "\"c-2\"," AT TAIL ",\"text\":\"no end}\n" HEAD
		 "\"c-3\"," AT TAIL "}\n"
		 "{\"type\":\"telepathy\",\"tenant\":\"t1\"}\n";
	char *block = block_new(lines, sizeof lines - 1);
	struct record r;
	struct scan s;

	(void)state;
	scan_init(&s);
	scan_block(&s, block, sizeof lines - 1);
	assert_int_equal(scan_record(&s, &r), 1);
	assert_true(text_is(r.chat, "c-1"));
	assert_ptr_equal(s.line, block);
	assert_int_equal(scan_record(&s, &r), -1);
	assert_string_equal(buf_str(&s.why), "an empty line");
	assert_int_equal(scan_record(&s, &r), -1);
	assert_string_equal(
	    buf_str(&s.why), "not JSON: an unterminated string (column 150)");
	assert_int_equal(s.flat.n, 0);
	assert_int_equal(scan_record(&s, &r), 1);
	assert_true(text_is(r.chat, "c-3"));
	assert_int_equal(scan_record(&s, &r), 1);
	assert_int_equal(r.type, RECORD_UNKNOWN);
	assert_int_equal(scan_record(&s, &r), 0);
	assert_int_equal(scan_record(&s, &r), 0);
	scan_release(&s);
	free(block);
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
	for (i = 0; i < ARRAY_LEN(records); i++) {
		snprintf(want, sizeof want, "\xC3\xA9%zu", i);
		assert_true(text_is(records[i].name, want));
		snprintf(want, sizeof want, "A%zu", i);
		assert_true(text_is(records[i].operator_id, want));
	}
	scan_block(&s, block, 0);
	assert_int_equal(scan_record(&s, &records[0]), 0);
	scan_release(&s);
	free(block);
	buf_release(&text);
}

int
test_scan(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_becomes_a_record_or_a_reason),
		cmocka_unit_test(records_live_as_long_as_the_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
