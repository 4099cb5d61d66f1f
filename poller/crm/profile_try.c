/*
 * profile_try: see profile_try.h.
 */
#include "poller/crm/profile_try.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "poller/crm/profile_impl.h"

/* True for X_request or X_read of a question X; end: "_request", "_read". */
static bool
has_end(const char *function, const char *end)
{
	struct text call = { function, strlen(function) - strlen(end) };
	size_t i;

	if (!text_ends_with(function, end))
		return false;
	for (i = 0; i < PROFILE_CALLS; i++)
		if (text_is(call, profile_call_names[i]))
			return true;
	return false;
}

bool
profile_try_asks(const char *function)
{
	return strcmp(function, "about") == 0 || has_end(function, "_request");
}

bool
profile_try_knows(const char *function)
{
	return profile_try_asks(function) || has_end(function, "_read") ||
	       strcmp(function, "hook_read") == 0;
}

static json_t *
make_members(const char *function, json_t *answer, json_t *with)
{
	bool hook = strcmp(function, "hook_read") == 0;
	json_t *in = json_pack("{s:f, s:i, s:{s:n}, s:O?}", "now",
	    (double)clock_now_ms() / 1000, "status", 200, "known", "last",
	    hook ? "payload" : "answer", answer);

	(void)json_object_update(in, with);
	return in;
}

/* Shows "GET /path?query", with the host if it is not the CRM itself, followed
 * by a line with the body. */
static void
show_request(const json_t *result, struct buf *out)
{
	struct profile_request r;

	if (profile_request_read(result, &r))
		buf_addf(out, "%s %s%s%s\n", r.method,
		    r.host != NULL ? r.host : "", r.host != NULL ? " " : "",
		    r.target);
	else
		buf_adds(out, "null\n");
	if (r.body != NULL)
		buf_addf(out, "%s\n", r.body);
}

/* Shows an array of records. Returns the number of unreadable records. */
static int
show_records(const struct crm_record_options *opt, const json_t *records,
    struct buf *out, struct buf *why)
{
	struct buf reason = BUF_INIT;
	struct crm_record r;
	int lost = 0;
	json_t *v;
	size_t i;

	json_array_foreach (records, i, v) {
		buf_clear(&reason);
		if (crm_record_read(&r, v, opt, &reason) == 0) {
			crm_record_write(&r, out);
			buf_addc(out, '\n');
			crm_record_release(&r);
		} else {
			lost++;
		}
		if (reason.len > 0)
			buf_addf(why, "%s\n", buf_str(&reason));
	}
	buf_release(&reason);
	return lost;
}

/* In a list, the readable parts of a record are kept; lists and webhooks lose
 * only unreadable records; every other answer becomes unusable. */
static int
show_result(struct profile *p, const char *function, json_t *result,
    struct buf *out, struct buf *why)
{
	const json_t *records = json_object_get(result, "records");
	const char *error = profile_text(result, "error");
	bool list = strcmp(function, "operators_read") == 0 ||
		    strcmp(function, "chats_read") == 0 ||
		    strcmp(function, "past_read") == 0;
	const struct crm_record_options opt = profile_record_options(p, list);
	bool has_records = json_is_array(records);
	int lost = 0;

	if (error != NULL && profile_error_class(error) == ERROR_CLASS_NONE)
		buf_addf(why, "the error '%s' is unknown\n", error);
	if (has_records) {
		lost = show_records(&opt, records, out, why);
		(void)json_object_del(result, "records");
	}
	if (!has_records || json_object_size(result) > 0) {
		value_dump(result, out);
		buf_addc(out, '\n');
	}
	return lost > 0 && !list && strcmp(function, "hook_read") != 0 ? -1 : 0;
}

int
profile_try(struct profile *p, const char *function, json_t *answer,
    json_t *with, struct buf *out, struct buf *why)
{
	json_t *result =
	    profile_run(p, function, make_members(function, answer, with), why);
	int rc = -1;

	if (result == NULL) {
		buf_addc(why, '\n');
	} else if (has_end(function, "_request")) {
		show_request(result, out);
		rc = 0;
	} else {
		rc = show_result(p, function, result, out, why);
	}
	json_decref(result);
	return rc;
}
