/*
 * profile_try: see profile_try.h.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "poller/crm/profile.h"
#include "poller/crm/profile_impl.h"

/* Whether it is X_request or X_read of a question X; end: "_request", "_read".
 */
static bool
has_end(const char *function, const char *end)
{
	size_t len = strlen(function), end_len = strlen(end), i;

	if (len < end_len || strcmp(function + len - end_len, end) != 0)
		return false;
	for (i = 0; i < PROFILE_CALLS; i++)
		if (strlen(profile_call_names[i]) == len - end_len &&
		    strncmp(profile_call_names[i], function, len - end_len) ==
			0)
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

static jv
make_members(
    const char *function, const struct value *answer, const struct value *with)
{
	bool hook = strcmp(function, "hook_read") == 0;
	jv in = jv_object();

	in = jv_object_set(
	    in, jv_string("now"), jv_number((double)clock_now_ms() / 1000));
	in = jv_object_set(in, jv_string("status"), jv_number(200));
	in = jv_object_set(in, jv_string("headers"), jv_object());
	in = jv_object_set(in, jv_string("known"),
	    jv_object_set(jv_object(), jv_string("last"), jv_null()));
	in = jv_object_set(
	    in, jv_string(hook ? "payload" : "answer"), value_jv(answer));
	return with != NULL ? jv_object_merge(in, value_jv(with)) : in;
}

/* "GET /path?query", with the host if it is not the CRM itself, then a line
 * with the body. */
static int
show_request(jv result, struct buf *out, struct buf *why)
{
	struct profile_request r;
	int rc = profile_request_read(result, &r, why);

	if (rc == 0)
		buf_adds(out, "null\n");
	if (rc > 0) {
		buf_addf(out, "%s %s%s%s\n", r.method,
		    r.host != NULL ? r.host : "", r.host != NULL ? " " : "",
		    r.target);
		if (r.body != NULL)
			buf_addf(out, "%.*s\n", (int)r.body_len, r.body);
		profile_request_release(&r);
	}
	return rc < 0 ? -1 : 0;
}

/* Shows an array of records (taken). partly: as in the poller's lists, where a
 * record keeps what of it can be read. Returns how many cannot be read. */
static int
show_records(const struct profile_options *o, jv records, bool partly,
    struct buf *out, struct buf *why)
{
	int lost = 0;
	const struct crm_record_options opt = { o->customers, o->customer_phone,
		o->with_text, partly };
	int n = jv_array_length(jv_copy(records)), i;
	struct buf reason = BUF_INIT;
	struct crm_record r;

	for (i = 0; i < n; i++) {
		struct value *v =
		    value_new_jv(jv_array_get(jv_copy(records), i));

		buf_clear(&reason);
		if (crm_record_read(&r, v, &opt, &reason) == 0) {
			crm_record_write(&r, out);
			buf_addc(out, '\n');
			crm_record_release(&r);
		} else {
			lost++;
		}
		if (reason.len > 0)
			buf_addf(why, "%s\n", buf_str(&reason));
		value_unref(v);
	}
	buf_release(&reason);
	jv_free(records);
	return lost;
}

/* Lists and webhooks lose only the record that cannot be read; any other answer
 * is unusable then. */
static int
show_result(struct profile *p, const char *function, jv result, struct buf *out,
    struct buf *why)
{
	jv records = profile_member(result, "records");
	bool list = strcmp(function, "operators_read") == 0 ||
		    strcmp(function, "chats_read") == 0 ||
		    strcmp(function, "past_read") == 0;
	int lost = 0;

	if (jv_get_kind(records) == JV_KIND_ARRAY) {
		lost = show_records(
		    profile_options(p), jv_copy(records), list, out, why);
		result = jv_object_delete(result, jv_string("records"));
	}
	if (jv_get_kind(records) != JV_KIND_ARRAY ||
	    jv_object_length(jv_copy(result)) > 0) {
		value_dump_jv(jv_copy(result), out);
		buf_addc(out, '\n');
	}
	jv_free(records);
	jv_free(result);
	return lost > 0 && !list && strcmp(function, "hook_read") != 0 ? -1 : 0;
}

int
profile_try(struct profile *p, const char *function, const struct value *answer,
    const struct value *with, struct buf *out, struct buf *why)
{
	jv result =
	    profile_run(p, function, make_members(function, answer, with), why);
	int rc;

	if (!jv_is_valid(result)) {
		buf_addc(why, '\n');
		jv_free(result);
		return -1;
	}
	if (strcmp(function, "about") == 0 || !profile_try_asks(function))
		return show_result(p, function, result, out, why);
	rc = show_request(result, out, why);
	if (rc != 0)
		buf_addc(why, '\n');
	jv_free(result);
	return rc;
}
