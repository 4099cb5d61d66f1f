/*
 * response_href: see response_href.h.
 */
#include "sink/responses/response_href.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/digest/encoding.h"
#include "sink/access/scope.h"

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

static bool
link_present(
    const struct question *q, const char *operator_id, struct buf *href)
{
	static const struct response_filter responses = { .kind = "response" };

	if (!response_href(
		q, &responses, CLOCK_NONE, CLOCK_NONE, operator_id, href))
		return false;
	buf_adds(href, "&open=1");
	return true;
}

bool
response_href_operator(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	return link_present(q, db_get(row, 0), href);
}

bool
response_href_total(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	(void)row;
	return link_present(q, NULL, href);
}

/* Who sees some operators only lacks what others answered in the chat. One that
 * left is not open, and keeps what was counted. */
bool
response_href_chat(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	const char *status = db_get(row, 3);

	if (scope_limits_rows(&q->viewer) || status == NULL ||
	    strcmp(status, "left") == 0 || !link_present(q, NULL, href))
		return false;
	buf_adds(href, "&chat=");
	percent_encode(href, db_get(row, 0));
	return true;
}

bool
response_href_hour(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	const struct response_filter of_kind = { .kind = db_get(row, 2) };
	int64_t hour = db_get_time(row, 0);

	return response_href(
	    q, &of_kind, hour, hour + HOUR_MS, db_get(row, 1), href);
}

void
response_href_channel(const char *channel, struct buf *href)
{
	if (channel == NULL)
		return;
	buf_adds(href, *channel == '\0' ? "&no_channel=1" : "&channel=");
	percent_encode(href, channel);
}
