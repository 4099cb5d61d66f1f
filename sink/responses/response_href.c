/*
 * response_href: see response_href.h.
 */
#include "sink/responses/response_href.h"

#include "common/base/clock.h"
#include "common/digest/encoding.h"
#include "sink/access/scope.h"
#include "sink/api/reply.h"

bool
response_href(const struct question *q, const struct response_filter *c,
    int64_t from, int64_t to, const char *operator_id, struct buf *href)
{
	const struct viewer *v = &q->viewer;

	/* An agent's totals are those of others, too. */
	if (v->role < VIEWER_AGENT ||
	    (v->role == VIEWER_AGENT &&
		(operator_id == NULL || !scope_has(v, operator_id))))
		return false;
	buf_clear(href);
	buf_adds(href, "/api/v1/intervals?");
	if (from != CLOCK_NONE) {
		reply_encode_time(href, "from", from);
		reply_encode_time(href, "to", to);
	}
	buf_addf(href, "kind=%s&withdrawn=0", c->kind);
	if (operator_id != NULL && *operator_id == '\0') {
		buf_adds(href, "&nobody=1");
	} else if (operator_id != NULL) {
		buf_adds(href, "&operator=");
		percent_encode(href, operator_id);
	}
	return true;
}
