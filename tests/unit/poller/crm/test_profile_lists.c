/*
 * Tests of the lists of Chat2Desk and Qiscus, page by page: where each
 * continues and where it ends. Text cases test what their rows become.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile.h"

static const struct profile_options options = { .tenant = "acme",
	.account = "app-1" };

static struct profile *
open_profile(const char *name)
{
	struct buf why = BUF_INIT;
	struct profile *p = profile_open(name, &options, &why);

	if (p == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return p;
}

static json_t *
json(const char *text)
{
	struct buf why = BUF_INIT;
	json_t *v = json_read_repaired(text, strlen(text), &why);

	if (v == NULL)
		fail_msg("%s: %s", text, buf_str(&why));
	buf_release(&why);
	return v;
}

/* Where the list goes on, or the error; empty at its end. */
static void
read_next(struct profile *p, enum profile_call call, const char *answer,
    const char *chat, const char *cursor, const char *known, struct buf *got)
{
	json_t *a = json(answer);
	json_t *c = chat != NULL ? json(chat) : NULL;
	json_t *k = cursor != NULL ? json(cursor) : NULL;
	struct profile_input in = { .status = 200,
		.answer = a,
		.cursor = k,
		.with = json_pack(
		    "{s:o?, s:{s:s?}}", "chat", c, "known", "last", known) };
	struct profile_answer out;

	buf_clear(got);
	profile_read(p, call, &in, &out);
	if (out.error != ERROR_CLASS_NONE)
		buf_addf(
		    got, "fault %d: %s", (int)out.error, buf_str(&out.message));
	else if (out.next != NULL)
		value_dump(out.next, got);
	profile_answer_release(&out);
	json_decref(a);
	json_decref(in.with);
	json_decref(k);
}

/* want NULL: the end. */
static void
check_next(const char *name, const struct buf *got, const char *want)
{
	if (strcmp(buf_str(got), want != NULL ? want : "") != 0)
		fail_msg("%s: got %s", name, buf_str(got));
}

/* A page of n messages of dialog 9, with ids that descend or ascend from first,
 * and their request. The last one may be a survey of the request before. */
static char *
page(int n, int first, int step, int request, bool survey, int total)
{
	struct buf b = BUF_INIT;
	int i;

	buf_adds(&b, "{\"status\":\"success\",\"data\":[");
	for (i = 0; i < n; i++) {
		bool asks = survey && i == n - 1;

		buf_addf(&b,
		    "%s{\"id\":%d,\"dialog_id\":9,\"type\":%s,"
		    "\"created\":\"2026-11-20T05:57:30 UTC\","
		    "\"request_id\":%d}",
		    i > 0 ? "," : "", first + i * step,
		    asks ? "null" : "\"from_client\"", request - asks);
	}
	buf_adds(&b, "]");
	if (total > 0)
		buf_addf(&b, ",\"meta\":{\"total\":%d}", total);
	buf_adds(&b, "}");
	return buf_take(&b);
}

static const struct {
	const char *name;
	int n, first, step, request;
	const char *chat, *cursor, *known, *want; /* NULL: no next page */
	bool survey;
	int total; /* 0: not in the answer */
} pages[] = {
	{ "a short page is all there is", 199, 1199, -1, 7, "7", NULL, NULL,
	    NULL, false, 0 },
	{ "a full one of the episode: from the beginning", 200, 1199, -1, 7,
	    "7", NULL, NULL, "{\"from\":1,\"until\":1000}", false, 0 },
	{ "... also where an earlier one's survey lies in it", 200, 1199, -1, 7,
	    "7", NULL, NULL, "{\"from\":1,\"until\":1000}", true, 0 },
	{ "... from what is known", 200, 1199, -1, 7, "7", NULL, "900",
	    "{\"from\":\"900\",\"until\":1000}", false, 0 },
	{ "... unless that is reached", 200, 1199, -1, 7, "7", NULL, "1001",
	    NULL, false, 0 },
	{ "... whose number the list has as text", 200, 1199, -1, 7, "\"7\"",
	    NULL, NULL, "{\"from\":1,\"until\":1000}", false, 0 },
	{ "the episode began within it", 200, 1199, -1, 7, "8", NULL, NULL,
	    NULL, false, 0 },
	{ "going up", 200, 1, 1, 7, "7", "{\"from\":1,\"until\":1000}", NULL,
	    "{\"from\":200,\"until\":1000}", false, 0 },
	{ "until the newest page is met", 200, 900, 1, 7, "7",
	    "{\"from\":900,\"until\":1000}", NULL, NULL, false, 0 },
	{ "a short one of the CRM's making: there is more", 100, 1199, -1, 7,
	    "7", NULL, NULL, "{\"from\":1,\"until\":1100}", false, 300 },
	{ "going up in such ones", 100, 1, 1, 7, "7",
	    "{\"from\":1,\"until\":1000}", NULL,
	    "{\"from\":100,\"until\":1000}", false, 300 },
	{ "whose total counts what was read, too", 1, 900, 1, 7, "7",
	    "{\"from\":900,\"until\":1000}", NULL, NULL, false, 300 },
	{ "none of those that it counts", 0, 1199, -1, 7, "7", NULL, NULL,
	    "fault 1: it shows none of the 4 messages", false, 4 },
	{ "not the only one, which the list has", 0, 1199, -1, 7, "7", NULL,
	    NULL, NULL, false, 1 },
	{ "none, and it counts none", 0, 1199, -1, 7, "7", NULL, NULL, NULL,
	    false, 0 },
	{ "or nothing is left", 5, 900, 1, 7, "7",
	    "{\"from\":900,\"until\":1000}", NULL, NULL, false, 0 },
};

static void
messages_are_read_back_to_what_is_known(void **state)
{
	struct profile *p = open_profile("chat2desk");
	struct buf got = BUF_INIT;
	char *answer, *chat;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(pages); i++) {
		answer = page(pages[i].n, pages[i].first, pages[i].step,
		    pages[i].request, pages[i].survey, pages[i].total);
		chat = xasprintf("{\"chat\":9,\"episode\":%s}", pages[i].chat);
		read_next(p, PROFILE_MESSAGES, answer, chat, pages[i].cursor,
		    pages[i].known, &got);
		check_next(pages[i].name, &got, pages[i].want);
		free(answer);
		free(chat);
	}
	buf_release(&got);
	profile_close(p);
}

#define CURSOR(offset, total, moved, overlap)                                  \
	"{\"offset\":" offset ",\"total\":" total ",\"moved\":" moved          \
	",\"overlap\":" overlap "}"

/* Meta and rows of the list, and where it continues; NULL at its end. */
static const struct {
	const char *name;
	int rows;
	const char *meta, *cursor, *want;
} lists[] = {
	{ "a short page", 3, "{}", NULL, NULL },
	{ "a full page", 200, "{\"total\":250}", NULL,
	    CURSOR("200", "250", "0", "0") },
	{ "a full page and a total as text", 200, "{\"total\":\"250\"}", NULL,
	    CURSOR("200", "250", "0", "0") },
	{ "a full page that reaches the total", 200, "{\"total\":200}", NULL,
	    NULL },
	{ "a full page without a total", 200, "null", NULL,
	    CURSOR("200", "null", "0", "0") },
	{ "a page that is full by the CRM's own limit", 50,
	    "{\"total\":250,\"limit\":50}", NULL,
	    CURSOR("50", "250", "0", "0") },
	{ "... as text, without a total", 50, "{\"limit\":\"50\"}", NULL,
	    CURSOR("50", "null", "0", "0") },
	{ "a page of less than the CRM's own limit", 100,
	    "{\"total\":250,\"limit\":200}", NULL,
	    CURSOR("100", "250", "0", "0") },
	{ "a short page that reaches the total", 50, "{\"total\":250}",
	    CURSOR("200", "250", "0", "0"), NULL },
	{ "an empty page before the total", 0, "{\"total\":300}",
	    CURSOR("200", "300", "0", "0"),
	    "fault 7: the list ends 100 rows before its total of 300" },
	{ "... which is a text", 0, "{\"total\":\"300\"}",
	    CURSOR("200", "300", "0", "0"),
	    "fault 7: the list ends 100 rows before its total of 300" },
	{ "nothing but a total", 0, "{\"total\":3}", NULL,
	    "fault 7: the list ends 3 rows before its total of 3" },
	{ "nothing, and the total is that", 0, "{\"total\":0}", NULL, NULL },
	{ "an empty page at the total", 0, "{\"total\":200}",
	    CURSOR("200", "200", "0", "0"), NULL },
	{ "an empty page without a total", 0, "{}",
	    CURSOR("200", "null", "0", "0"), NULL },
	{ "a full page and a total too small", 200, "{\"total\":150}", NULL,
	    CURSOR("200", "150", "0", "0") },
	{ "... of nothing", 200, "{\"total\":0}", NULL,
	    CURSOR("200", "0", "0", "0") },
	{ "a short page and a total too small", 50, "{\"total\":150}",
	    CURSOR("200", "150", "0", "0"), NULL },
	{ "rows moved up meanwhile", 49, "{\"total\":249}",
	    CURSOR("200", "251", "0", "0"), CURSOR("194", "249", "1", "4") },
	{ "no more than the page overlaps", 200, "{\"total\":545}",
	    CURSOR("194", "549", "1", "4"), CURSOR("390", "545", "1", "4") },
	{ "more than it overlaps", 200, "{\"total\":540}",
	    CURSOR("194", "549", "1", "4"), CURSOR("171", "540", "2", "18") },
	{ "as far as the beginning", 200, "{\"total\":240}",
	    CURSOR("200", "440", "0", "0"), CURSOR("0", "240", "1", "100") },
	{ "rows move all the time", 49, "{\"total\":249}",
	    CURSOR("200", "251", "10", "0"),
	    "fault 1: rows leave the list faster than it can be read" },
};

static void
lists_are_read_to_their_end(void **state)
{
	struct profile *p = open_profile("chat2desk");
	struct buf got = BUF_INIT, answer = BUF_INIT;
	size_t i;
	int row;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lists); i++) {
		buf_clear(&answer);
		buf_addf(&answer, "{\"meta\":%s,\"data\":[", lists[i].meta);
		for (row = 0; row < lists[i].rows; row++)
			buf_addf(&answer, "%s{\"id\":%d,\"state\":\"open\"}",
			    row > 0 ? "," : "", row + 1);
		buf_adds(&answer, "]}");
		read_next(p, PROFILE_CHATS, buf_str(&answer), NULL,
		    lists[i].cursor, NULL, &got);
		check_next(lists[i].name, &got, lists[i].want);
	}
	buf_release(&got);
	buf_release(&answer);
	profile_close(p);
}

/* A page of comments with ids that descend from first. */
static void
page_of(struct buf *b, int first, int n, int closing)
{
	int i;

	buf_clear(b);
	buf_adds(b, "{\"results\":{\"comments\":[");
	for (i = 0; i < n; i++)
		buf_addf(b,
		    "%s{\"id\":%d,\"timestamp\":\"2026-11-20T05:57:30Z\","
		    "\"type\":\"%s\",\"message\":\"%s\",\"user\":{}}",
		    i > 0 ? "," : "", first - i,
		    first - i == closing ? "system_event" : "text",
		    first - i == closing ? "was marked as resolved" : "x");
	buf_adds(b, "]},\"status\":200}");
}

static const char of_room[] =
    "{\"chat\":\"77\",\"customer\":\"c@x\",\"channel\":12}";

static const struct {
	const char *name, *known, *cursor;
	int first, n, closing;
	const char *want; /* the cursor; NULL: done */
} comments[] = {
	{ "a full page", NULL, NULL, 1000, 100, 0,
	    "{\"page\":2,\"low\":901,\"stuck\":0}" },
	{ "the second", NULL, "{\"page\":2,\"low\":901,\"stuck\":0}", 900, 100,
	    0, "{\"page\":3,\"low\":801,\"stuck\":0}" },
	{ "a short page", NULL, NULL, 1000, 19, 0, NULL },
	{ "a server with pages of its own", NULL, NULL, 1000, 20, 0,
	    "{\"page\":2,\"low\":981,\"stuck\":0}" },
	{ "an empty page", NULL, "{\"page\":2,\"low\":901,\"stuck\":0}", 0, 0,
	    0, NULL },
	{ "up to what is known", "950", NULL, 1000, 100, 0, NULL },
	{ "what is known was removed", "1000", NULL, 1001, 100, 0, NULL },
	{ "not yet up to what is known", "900", NULL, 1000, 100, 0,
	    "{\"page\":2,\"low\":901,\"stuck\":0}" },
	{ "up to the session before", NULL, NULL, 1000, 100, 950, NULL },
	{ "nothing new: pushed on by what was written", NULL,
	    "{\"page\":2,\"low\":901,\"stuck\":0}", 1000, 100, 0,
	    "{\"page\":3,\"low\":901,\"stuck\":1}" },
	{ "always the same page", NULL, "{\"page\":5,\"low\":901,\"stuck\":3}",
	    1000, 100, 0,
	    "fault 6: messages_read of profile 'qiscus': load_comments "
	    "shows the same page again and again" },
};

static void
comments_are_read_back_to_what_is_known(void **state)
{
	struct profile *p = open_profile("qiscus");
	struct buf got = BUF_INIT, answer = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(comments); i++) {
		page_of(&answer, comments[i].first, comments[i].n,
		    comments[i].closing);
		read_next(p, PROFILE_MESSAGES, buf_str(&answer), of_room,
		    comments[i].cursor, comments[i].known, &got);
		check_next(comments[i].name, &got, comments[i].want);
	}
	buf_release(&got);
	buf_release(&answer);
	profile_close(p);
}

int
test_profile_lists(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_read_back_to_what_is_known),
		cmocka_unit_test(lists_are_read_to_their_end),
		cmocka_unit_test(comments_are_read_back_to_what_is_known),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
