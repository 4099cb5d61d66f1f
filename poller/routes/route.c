/*
 * route: the answer that several routes give; see route.h. The table of routes
 * is route_table.c's.
 */
#include "poller/routes/route.h"

#include "common/text/jsonw.h"

void
route_detail(struct web_answer *a, int status, const char *text)
{
	a->status = status;
	buf_clear(&a->body);
	jsonw_object_of(&a->body, "detail", text);
}
