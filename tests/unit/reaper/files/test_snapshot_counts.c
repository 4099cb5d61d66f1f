/*
 * Tests of reaper/files/snapshot_counts: the end markers of a file from which
 * lines are removed, as their readers want them.
 */
#include "tests/unit/padded.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "reaper/files/snapshot_counts.h"

#define BEGIN(id, more)                                                        \
	"{\"type\":\"snapshot\",\"tenant\":\"t\",\"state\":\"begin\","         \
	"\"snapshot\":\"" id "\"" more "}"
#define END(id, n, more)                                                       \
	"{\"type\":\"snapshot\",\"tenant\":\"t\",\"state\":\"end\","           \
	"\"snapshot\":\"" id "\"" more ",\"records\":" n ",\"x\":\"y\"}"
#define CHAT(id, chat)                                                         \
	"{\"type\":\"chat\",\"tenant\":\"t\",\"snapshot\":\"" id               \
	"\",\"chat\":\"" chat "\"}"
#define ONE "1" /* of bucket 1 */
#define TWO "2"

/* A line that begins with "- " is removed. */
static const struct {
	const char *line, *after; /* NULL: as it is */
} lines[] = {
	{ BEGIN("a", ""), NULL },
	{ "- " CHAT("a", ONE), NULL },
	{ CHAT("a", TWO), NULL },
	/* A dead letter is of no snapshot. */
	{ "- {\"type\":\"dead\",\"record\":\"{}\"}", NULL },
	{ END("a", "2", ""), END("a", "1", "") },
	/* Once more, as after a crash: here two lines go. */
	{ BEGIN("a", ""), NULL },
	{ "- " CHAT("a", ONE), NULL },
	{ "- " CHAT("a", "3") "cut", NULL },
	{ CHAT("a", TWO), NULL },
	{ END("a", "3", ""), END("a", "1", "") },
	/* And here none. */
	{ BEGIN("a", ""), NULL },
	{ END("a", "0", ""), NULL },
	/* An end marker before its lines, blanks, a number that is wrong. */
	{ "{\"type\": \"snapshot\", \"tenant\": \"t\", \"state\": \"end\", "
	  "\"records\": 10, \"snapshot\": \"b\"}",
	    "{\"type\": \"snapshot\", \"tenant\": \"t\", \"state\": \"end\", "
	    "\"records\": 9, \"snapshot\": \"b\"}" },
	{ BEGIN("b", ""), NULL },
	{ "- " CHAT("b", ONE), NULL },
	{ END("b", "0", ""), NULL },
	{ END("b", "\"1\"", ""), NULL },
	/* Of another tenant. */
	{ "{\"type\":\"snapshot\",\"tenant\":\"u\",\"state\":\"end\","
	  "\"snapshot\":\"b\",\"records\":5}",
	    NULL },
	/* In parts: one of no bucket, whose line goes, and a bucket each. */
	{ BEGIN("c", ",\"bucket\":64"), NULL },
	{ BEGIN("c", ",\"bucket\":1"), NULL },
	{ BEGIN("c", ",\"bucket\":5"), NULL },
	{ "- {\"type\":\"operator\",\"tenant\":\"t\",\"snapshot\":\"c\"}",
	    NULL },
	{ "- " CHAT("c", ONE), NULL },
	{ END("c", "3", ",\"bucket\":64"), END("c", "2", ",\"bucket\":64") },
	{ END("c", "3", ",\"bucket\":1"), END("c", "2", ",\"bucket\":1") },
	{ END("c", "3", ",\"bucket\":5"), NULL },
	{ "", NULL },
	{ "no JSON with \"state\"", NULL },
};

static bool
goes(const char *line)
{
	return strncmp(line, "- ", 2) == 0;
}

static void
markers_count_what_is_left(void **state)
{
	struct snapshot_counts c = { .flat = FLAT_INIT };
	struct buf got = BUF_INIT;
	const char *line, *after;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		line = lines[i].line + (goes(lines[i].line) ? 2 : 0);
		snapshot_counts_add(
		    &c, padded(line), strlen(line), goes(lines[i].line));
	}
	snapshot_counts_rewind(&c);
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		line = lines[i].line;
		after = lines[i].after != NULL ? lines[i].after : line;
		if (goes(line))
			continue;
		buf_clear(&got);
		snapshot_counts_copy(&c, padded(line), strlen(line), &got);
		assert_string_equal(buf_str(&got), after);
	}
	buf_release(&got);
	snapshot_counts_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markers_count_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
