/*
 * api_lists: GET /messages with its traps, and GET /statistics. See api.h.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/text/jsonw.h"
#include "tests/crm/api.h"
#include "tests/crm/render.h"

struct filter {
	int64_t client, channel, author, type; /* -1: any */
	int64_t from_id, to_id, from_ms, to_ms;
	bool type_null;
};

static const char *const type_names[] = { "from_client", "to_client",
	"autoreply", "system", "comment" };

/* Parses dd-mm-yyyy as the start of that day; -1 if it is not such a date. */
static int
parse_day(const char *s, int64_t *ms)
{
	char iso[] = "yyyy-mm-ddT00:00:00Z";

	if (strlen(s) != 10 || s[2] != '-' || s[5] != '-')
		return -1;
	memcpy(iso, s + 6, 4);
	memcpy(iso + 5, s + 3, 2);
	memcpy(iso + 8, s, 2);
	return clock_parse(iso, strlen(iso), ms);
}

/* Returns -1 after an error answer. */
static int
parse_dates(const struct call *c, struct filter *f, struct answer *a)
{
	const char *start = c->query(c->ctx, "start_date");
	const char *finish = c->query(c->ctx, "finish_date");

	if (start != NULL && parse_day(start, &f->from_ms) != 0) {
		answer_error(a, 400, "invalid parameters",
		    "{\"start_date\":[\"invalid format\"]}");
		return -1;
	}
	if (finish != NULL && parse_day(finish, &f->to_ms) != 0) {
		answer_error(a, 400, "invalid parameters",
		    "{\"finish_date\":[\"invalid format\"]}");
		return -1;
	}
	if ((start != NULL || finish != NULL) &&
	    c->query(c->ctx, "start_id") != NULL) {
		answer_error(
		    a, 400, "use date filter and start_id separately", NULL);
		return -1;
	}
	return 0;
}

static void
parse_type(const struct call *c, struct filter *f)
{
	const char *type = c->query(c->ctx, "type");

	f->type = -1;
	for (int i = 0; type != NULL && i < 5; i++)
		if (strcmp(type, type_names[i]) == 0)
			f->type = i;
}

static bool
passes(const struct world *w, const struct filter *f, const struct message *m)
{
	const struct dialog *d = &w->dialogs[m->dialog];

	return m->id >= f->from_id && m->id <= f->to_id &&
	       m->at >= f->from_ms && m->at < f->to_ms && world_visible(w, m) &&
	       (f->type < 0 || f->type == m->type) &&
	       (f->client < 0 || f->client == d->client) &&
	       (f->channel < 0 ||
		   f->channel == world_channels[d->channel].id) &&
	       (f->author < 0 || (m->author != NO_OPERATOR &&
				     w->operators[m->author].id == f->author));
}

static void
list(const struct world *w, const struct dialog *d, bool desc,
    const struct filter *f, struct page *p)
{
	size_t n = d != NULL ? d->messages_n : w->messages_n;

	for (size_t i = 0; i < n; i++) {
		size_t at = desc ? n - 1 - i : i;
		const struct message *m =
		    &w->messages[d != NULL ? (size_t)d->messages[at] : at];

		if (passes(w, f, m) && page_row(p))
			render_message(&p->a->body, w, m);
	}
}

/*
 * The traps: offset, page and request_id have no effect. start_id is the least
 * id, in ascending order whatever `order` says; with direction_reverse it is
 * the greatest id, in descending order. start_id cannot be combined with dates.
 */
void
api_messages(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct filter f = { .to_id = INT64_MAX, .to_ms = INT64_MAX };
	const char *order = c->query(c->ctx, "order");
	const char *reverse = c->query(c->ctx, "direction_reverse");
	bool desc = order != NULL && strcmp(order, "desc") == 0;
	int64_t dialog_id = call_int(c, "dialog_id", -1);
	int64_t start_id = call_int(c, "start_id", -1);
	int64_t client = call_int(c, "client_id", -1);
	const struct dialog *d = world_dialog(w, dialog_id);
	struct page p;

	(void)id;
	if (parse_dates(c, &f, a) != 0)
		return;
	parse_type(c, &f);
	f.channel = call_int(c, "channel_id", -1);
	f.author = call_int(c, "operator_id", -1);
	f.client = client < 0 ? -1 : render_client_number(w, client);
	if (start_id >= 0 && !c->same_page) {
		desc = reverse != NULL && strcmp(reverse, "true") == 0;
		f.from_id = desc ? 0 : start_id;
		f.to_id = desc ? start_id : INT64_MAX;
	}
	page_begin(&p, c, a);
	if (!s->honour_offset)
		p.offset = 0;
	if (dialog_id < 0 || d != NULL)
		list(w, d, desc, &f, &p);
	page_end(&p, w);
}

/* The figures of one request in request_stats. */
struct tally {
	int64_t first_client, waiting, reaction, replies, total, in, out;
};

static void
tally_message(struct tally *t, const struct message *m)
{
	if (m->type == FROM_CLIENT) {
		t->in++;
		if (t->first_client == 0)
			t->first_client = m->at;
		if (t->waiting == 0)
			t->waiting = m->at;
	} else if (m->type == TO_CLIENT) {
		t->out++;
		if (t->waiting == 0)
			return;
		if (t->replies++ == 0)
			t->reaction = m->at - t->first_client;
		t->total += m->at - t->waiting;
		t->waiting = 0;
	}
}

static void
seconds_or_blank(struct buf *b, const char *key, bool have, int64_t ms)
{
	if (have)
		jsonw_int(b, key, ms / 1000);
	else
		jsonw_str(b, key, "");
}

static void
local_time(struct buf *b, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT] = "";

	if (ms != 0) {
		clock_format_sql(ms, text);
		text[19] = '\0';
	}
	jsonw_str(b, key, text);
}

static void
request_stats(struct buf *b, const struct world *w, const struct request *r)
{
	const struct dialog *d = &w->dialogs[r->dialog];
	const struct channel *channel = &world_channels[d->channel];
	struct tally t = { 0 };

	for (size_t i = 0; i < d->messages_n; i++) {
		const struct message *m = &w->messages[d->messages[i]];

		if (&w->requests[m->request] == r)
			tally_message(&t, m);
	}
	jsonw_open(b);
	jsonw_int(b, "request_id", r->id);
	jsonw_str(b, "request_type", "common");
	local_time(b, "request_start", r->begin);
	local_time(b, "request_end", r->end);
	seconds_or_blank(b, "request_time", r->end != 0, r->end - r->begin);
	seconds_or_blank(b, "reaction_time", t.replies > 0, t.reaction);
	jsonw_int(b, "replies", t.replies);
	seconds_or_blank(b, "total_replies_time", t.replies > 0, t.total);
	seconds_or_blank(b, "average_replies_time", t.replies > 0,
	    t.replies > 0 ? t.total / t.replies : 0);
	jsonw_int(b, "incoming_messages", t.in);
	jsonw_int(b, "outgoing_messages", t.out);
	render_id(b, "operator_id",
	    d->assignee == NO_OPERATOR ? 0 : w->operators[d->assignee].id);
	jsonw_int(b, "channel_id", channel->id);
	jsonw_str(b, "channel_name", channel->name);
	jsonw_str(b, "transport", channel->transport);
	jsonw_int(b, "client_id", render_client_id(w, d->client));
	jsonw_close(b);
}

void
api_statistics(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const char *report = c->query(c->ctx, "report");
	const char *date = c->query(c->ctx, "date");
	char iso[] = "yyyy-mm-ddT00:00:00Z";
	int64_t day;
	struct page p;

	(void)s;
	(void)id;
	if (date == NULL || strlen(date) != 10 || report == NULL) {
		answer_error(a, 400, "invalid parameters", NULL);
		return;
	}
	memcpy(iso, date, 10);
	if (clock_parse(iso, strlen(iso), &day) != 0) {
		answer_error(a, 400, "invalid parameters",
		    "{\"date\":[\"invalid format\"]}");
		return;
	}
	page_begin(&p, c, a);
	for (size_t i = w->requests_n; i-- > 0;) {
		const struct request *r = &w->requests[i];

		if (strcmp(report, "request_stats") == 0 && r->begin >= day &&
		    r->begin < day + 86400000 && page_row(&p))
			request_stats(&a->body, w, r);
	}
	page_end(&p, w);
}
