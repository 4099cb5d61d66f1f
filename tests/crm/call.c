/* call: see call.h. */
#include "tests/crm/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "common/base/parse.h"
#include "common/json/jsonw.h"

const char *const method_names[] = { "GET", "POST", "PUT", "PATCH", "DELETE",
	"?" };

void
answer_header(struct answer *a, const char *name, const char *fmt, ...)
{
	va_list ap;

	if (a->headers_n == ANSWER_HEADERS)
		return;
	a->headers[a->headers_n].name = name;
	va_start(ap, fmt);
	vsnprintf(a->headers[a->headers_n].value, sizeof a->headers[0].value,
	    fmt, ap);
	va_end(ap);
	a->headers_n++;
}

void
answer_text(struct answer *a, unsigned status, const char *body)
{
	a->status = status;
	buf_clear(&a->body);
	buf_adds(&a->body, body);
}

void
answer_error(
    struct answer *a, unsigned status, const char *message, const char *errors)
{
	a->status = status;
	buf_clear(&a->body);
	buf_adds(&a->body, "{\"status\":\"error\"");
	jsonw_str(&a->body, "message", message);
	if (errors != NULL) {
		buf_adds(&a->body, ",\"errors\":");
		buf_adds(&a->body, errors);
	}
	buf_addc(&a->body, '}');
}

int64_t
call_int(const struct call *c, const char *name, int64_t otherwise)
{
	const char *text = c->query(c->ctx, name);
	int64_t n;

	if (text == NULL || parse_int(text, INT64_MIN, INT64_MAX, &n) != 0)
		return otherwise;
	return n;
}

void
call_http_date(int64_t ms, char *text)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL) {
		text[0] = '\0';
		return;
	}
	snprintf(text, 40, "%s, %02d %s %04d %02d:%02d:%02d GMT",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}
