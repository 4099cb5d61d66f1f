/*
 * problem: see problem.h.
 */
#include "sink/api/problem.h"

#include "common/text/jsonw.h"

static const char *
problem_title(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 406:
		return "Not Acceptable";
	case 415:
		return "Unsupported Media Type";
	case 503:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

void
problem_answer(struct web_answer *a, int status, const char *detail)
{
	a->status = status;
	a->content_type = "application/problem+json";
	buf_clear(&a->body);
	buf_clear(&a->headers);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "type", "about:blank");
	jsonw_str(&a->body, "title", problem_title(status));
	jsonw_int(&a->body, "status", status);
	jsonw_str(&a->body, "detail", detail);
	jsonw_close(&a->body);
}
