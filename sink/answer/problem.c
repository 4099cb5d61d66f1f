/*
 * problem: see problem.h.
 */
#include "sink/answer/problem.h"

#include "common/http/http_status.h"
#include "common/text/jsonw.h"

void
problem_answer(struct web_answer *a, int status, const char *detail)
{
	a->status = status;
	a->content_type = "application/problem+json";
	buf_clear(&a->body);
	buf_clear(&a->headers);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "type", "about:blank");
	jsonw_str(&a->body, "title", http_status_text(status));
	jsonw_int(&a->body, "status", status);
	jsonw_str(&a->body, "detail", detail);
	jsonw_close(&a->body);
}

static const char *
why_refused(int status)
{
	switch (status) {
	case 400:
		return "the request is malformed: its line, a header, or a NUL "
		       "in its query";
	case 403:
		return "X-Forwarded-For came from an address that is not in "
		       "[serve] proxies";
	case 413:
		return "the body is too long";
	case 414:
		return "path and query are longer than 4096 bytes";
	case 429:
		return "too many requests; wait as Retry-After says";
	case 431:
		return "the headers are too many or too long";
	case 503:
		return "the server is busy, or ends; try again";
	default:
		return http_status_text(status);
	}
}

void
problem_of_server(int status, struct web_answer *a)
{
	problem_answer(a, status, why_refused(status));
}
