/*
 * problem: see problem.h.
 */
#include "sink/api/problem.h"

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
