/*
 * Tests of the fields in crm_record that the poller keeps and no record has: a
 * mark may be any scalar, and a bad one is reported. Also tests which members a
 * record may lack, which ones profiles may not set, and the length of fields
 * about people.
 */
#include "tests/unit/profile_world.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "poller/crm/profile.h"

/* A mark may be any scalar. An unknown field is dropped with a warning in a
 * list, and is an error elsewhere. */
static const struct {
	const char *chat, *mark, *bad; /* NULL: none */
} own_fields[] = {
	{ "\"mark\":\"a 1\"", "a 1", NULL },
	{ "\"mark\":\"\"", "", NULL },
	{ "\"mark\":1764064650", "1764064650", NULL },
	{ "\"mark\":1764064650.25", "1764064650.25", NULL },
	{ "\"mark\":9223372036854775807", "9223372036854775807", NULL },
	{ "\"mark\":false", "false", NULL },
	{ "\"mark\":true,\"taken\":false", "true", NULL },
	{ "\"mark\":null,\"last\":null,\"episode\":0", NULL, NULL },
	{ "\"mark\":{\"at\":1}", NULL, "mark" },
	{ "\"mark\":\"a\",\"last\":[5]", "a", "last" },
	{ "\"mark\":\"a\",\"last\":1.5", "a", "last" },
	{ "\"mark\":\"a\",\"episode\":true", "a", "episode" },
	{ "\"mark\":\"a\",\"taken\":\"yes\"", "a", "taken" },
};

static void
read_own_fields(json_t *v, const char *mark, const char *bad)
{
	struct crm_record_options opt = { .partly = true };
	struct buf why = BUF_INIT, want = BUF_INIT;
	struct crm_record r;

	if (bad != NULL)
		buf_setf(&want, "chat 9: record 'chat' has a bad '%s'", bad);
	assert_int_equal(crm_record_read(&r, v, &opt, &why), 0);
	assert_string_equal(buf_str(&why), buf_str(&want));
	assert_int_equal(r.mark == NULL, mark == NULL);
	if (mark != NULL)
		assert_string_equal(r.mark, mark);
	crm_record_release(&r);
	opt.partly = false;
	assert_int_equal(
	    crm_record_read(&r, v, &opt, &why), bad != NULL ? -1 : 0);
	crm_record_release(&r);
	buf_release(&why);
	buf_release(&want);
}

static void
own_fields_are_read_or_told_of(void **state)
{
	struct buf text = BUF_INIT;
	json_t *v;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(own_fields); i++) {
		buf_setf(&text, "{\"type\":\"chat\",\"chat\":\"9\",%s}",
		    own_fields[i].chat);
		v = json(buf_str(&text));
		read_own_fields(v, own_fields[i].mark, own_fields[i].bad);
		json_decref(v);
	}
	buf_release(&text);
}

/* Person and chat are left out with a warning even where everything else must
 * be readable. */
static void
who_wrote_may_be_unreadable(void **state)
{
	static const struct {
		const char *member, *bad; /* NULL: none */
		int rc;
	} cases[] = {
		{ "\"user\":\"a\"", NULL, 0 },
		{ "\"user\":\"a \"", "user", 0 },
		{ "\"user\":[1]", "user", 0 },
		{ "\"to\":{}", "to", 0 },
		{ "\"channel\":\" \"", "channel", 0 },
		{ "\"operator\":\"a \"", "operator", -1 },
		{ "\"private\":\"x\"", "private", -1 },
	};
	const struct crm_record_options opt = { .partly = false };
	struct buf text = BUF_INIT, why = BUF_INIT, want = BUF_INIT;
	struct crm_record r;
	json_t *v;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&text,
		    "{\"type\":\"message\",\"chat\":\"9\",\"id\":\"1\","
		    "\"from\":\"customer\","
		    "\"at\":\"2026-11-20T10:00:00Z\",%s}",
		    cases[i].member);
		v = json(buf_str(&text));
		buf_clear(&why);
		buf_clear(&want);
		if (cases[i].bad != NULL)
			buf_setf(&want, "%srecord 'message' has a bad '%s'",
			    cases[i].rc == 0 ? "chat 9: " : "", cases[i].bad);
		assert_int_equal(
		    crm_record_read(&r, v, &opt, &why), cases[i].rc);
		assert_string_equal(buf_str(&why), buf_str(&want));
		crm_record_release(&r);
		json_decref(v);
	}
	buf_release(&text);
	buf_release(&why);
	buf_release(&want);
}

#define BAD_COUNT                                                              \
	"operator 9: record 'operator' has a bad 'reported_open_chats'"

/* A count above the limit of records is left out; the operator's name is
 * kept. */
static void
a_count_has_a_greatest(void **state)
{
	static const struct {
		const char *value, *body, *why;
	} cases[] = {
		{ "4294967295", ",\"reported_open_chats\":4294967295", "" },
		{ "\"4294967295\"", ",\"reported_open_chats\":4294967295", "" },
		{ "4294967296", "", BAD_COUNT },
		{ "\"4294967296\"", "", BAD_COUNT },
		{ "-1", "", BAD_COUNT },
	};
	const struct crm_record_options opt = { .partly = true };
	struct buf text = BUF_INIT, why = BUF_INIT, want = BUF_INIT;
	struct crm_record r;
	json_t *v;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_setf(&text,
		    "{\"type\":\"operator\",\"operator\":\"9\","
		    "\"name\":\"Ann\",\"reported_open_chats\":%s}",
		    cases[i].value);
		buf_setf(&want, "\"operator\":\"9\",\"name\":\"Ann\"%s",
		    cases[i].body);
		buf_clear(&why);
		v = json(buf_str(&text));
		assert_int_equal(crm_record_read(&r, v, &opt, &why), 0);
		assert_string_equal(r.body, buf_str(&want));
		assert_string_equal(buf_str(&why), cases[i].why);
		crm_record_release(&r);
		json_decref(v);
	}
	buf_release(&text);
	buf_release(&why);
	buf_release(&want);
}

#define ESCAPED "\\u0001"
/* Bytes of a name, which take six times as many in JSON. */
#define ESCAPES 140000

/* A chat's line has the body, and the customer's data. */
static void
the_longest_chat_fits_into_a_line(void **state)
{
	static const char *const names[] = { "customer_name", "customer_phone",
		"tag", "tags" };
	const struct crm_record_options opt = { .names = true, .phones = true };
	struct buf text = BUF_INIT, why = BUF_INIT;
	struct crm_record r;
	json_t *v;
	size_t i, j;

	(void)state;
	buf_adds(&text, "{\"type\":\"chat\",\"chat\":\"9\"");
	for (i = 0; i < ARRAY_LEN(names); i++) {
		buf_addf(&text, ",\"%s\":\"", names[i]);
		for (j = 0; j < ESCAPES; j++)
			buf_adds(&text, ESCAPED);
		buf_adds(&text, "\"");
	}
	buf_adds(&text, "}");
	v = json(buf_str(&text));
	assert_int_equal(crm_record_read(&r, v, &opt, &why), 0);
	assert_true(strlen(r.body) + strlen(r.person) + 4096 < RECORD_MAX_LINE);
	assert_non_null(strstr(r.person, "\"customer_phone\":\"" ESCAPED));
	crm_record_release(&r);
	json_decref(v);
	buf_release(&text);
	buf_release(&why);
}

/* A table keeps 255 characters of up to four bytes each. */
static void
a_name_is_cut_at_a_character(void **state)
{
	const struct crm_record_options opt = { .names = true };
	struct buf text = BUF_INIT, want = BUF_INIT, why = BUF_INIT;
	struct crm_record r;
	json_t *v;
	size_t i;

	(void)state;
	buf_adds(&text, "{\"type\":\"customer\",\"customer\":\"9\","
			"\"customer_name\":\"x");
	buf_adds(&want, "\"customer_name\":\"x");
	for (i = 0; i < 256; i++)
		buf_adds(&text, "\xF0\x9F\x98\x80");
	for (i = 0; i < 254; i++)
		buf_adds(&want, "\xF0\x9F\x98\x80");
	buf_adds(&text, "\"}");
	buf_adds(&want, "\"");
	v = json(buf_str(&text));
	assert_int_equal(crm_record_read(&r, v, &opt, &why), 0);
	assert_string_equal(r.person, buf_str(&want));
	crm_record_release(&r);
	json_decref(v);
	buf_release(&text);
	buf_release(&want);
	buf_release(&why);
}

/* A profile can only create messages, whatever it returns. */
static void
a_profile_tells_of_no_findings(void **state)
{
	const struct crm_record_options opt = { .texts = true };
	json_t *v = json("{\"type\":\"message\",\"id\":\"1\",\"chat\":"
			 "\"9\",\"at\":\"2026-11-20T05:57:30.000Z\","
			 "\"from\":\"bot\",\"private\":true,"
			 "\"about\":true,\"text\":\"x\"}");
	struct crm_record r = { .type = RECORD_UNKNOWN };
	struct buf why = BUF_INIT;

	(void)state;
	assert_int_equal(crm_record_read(&r, v, &opt, &why), 0);
	assert_non_null(strstr(r.body, "\"private\":true"));
	assert_null(strstr(r.body, "about"));
	crm_record_release(&r);
	json_decref(v);
	buf_release(&why);
}

int
test_crm_record(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_fields_are_read_or_told_of),
		cmocka_unit_test(who_wrote_may_be_unreadable),
		cmocka_unit_test(a_count_has_a_greatest),
		cmocka_unit_test(a_profile_tells_of_no_findings),
		cmocka_unit_test(the_longest_chat_fits_into_a_line),
		cmocka_unit_test(a_name_is_cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
