/*
 * opening_hours: tests opening hours with lines. Lines "KEY = VALUE" up to an
 * empty one are a calendar; a following line "BEGIN END WORK" (ms) is answered
 * with the work time from BEGIN to END, the deadline of WORK from BEGIN, and
 * whether it is open at BEGIN and until when. An empty line begins the next
 * calendar. A wrong calendar ends the program with "LINE: REASON".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/hours/hours.h"

#define LINE_MAX_LEN (64 * 1024)
#define ENTRIES_MAX 100

static struct conf_entry entries[ENTRIES_MAX];
static size_t entries_n;

static void
add_entry(char *line)
{
	char *equals = strstr(line, " = ");

	if (equals == NULL || entries_n == ENTRIES_MAX)
		exit(1);
	*equals = '\0';
	entries[entries_n].key = xstrdup(line);
	entries[entries_n].text = xstrdup(equals + 3);
	entries[entries_n].line = (unsigned)entries_n + 1;
	entries_n++;
}

static struct hours *
read_calendar(void)
{
	struct buf why = BUF_INIT;
	struct hours *h;
	unsigned line = 0;

	h = hours_read("test", entries, entries_n, NULL, NULL, &why, &line);
	if (h == NULL) {
		printf("%u: %s\n", line, buf_str(&why));
		exit(0);
	}
	entries_n = 0;
	return h;
}

static void
answer(const struct hours *h, const char *line)
{
	char *s;
	int64_t begin = strtoll(line, &s, 10), end = strtoll(s, &s, 10);
	int64_t work = strtoll(s, NULL, 10);
	struct hours_state state = hours_at(h, begin);

	printf("%" PRId64 " %" PRId64 " %d %" PRId64 "\n",
	    hours_work(h, begin, end), hours_deadline(h, begin, work),
	    state.open, state.until);
}

int
main(void)
{
	char *line = xmalloc(LINE_MAX_LEN);
	struct hours *h = NULL;

	while (fgets(line, LINE_MAX_LEN, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '\0' && h == NULL) {
			h = read_calendar();
		} else if (*line == '\0') {
			hours_free(h);
			h = NULL;
		} else if (h == NULL) {
			add_entry(line);
		} else {
			answer(h, line);
		}
	}
	if (h == NULL && entries_n > 0)
		h = read_calendar();
	hours_free(h);
	free(line);
	return 0;
}
