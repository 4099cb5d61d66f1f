/*
 * status: poller --status. Reads chat records, asks the CRM about those chats
 * (asked_chats.h), and writes chat records that say which are open, closed or
 * gone, and when that was asked.
 */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "common/os/stop.h"
#include "common/records/record.h"
#include "common/stage/deadletter.h"
#include "poller/client/fetch.h"
#include "poller/modes/poller.h"
#include "poller/poll/asked_chats.h"

/* The chat records that are read. */
struct status_input {
	struct poller *poller;
	struct endpoint *from;
	struct deadletter dead;
	struct asked_chats *asked;
	struct strmap unknown; /* tenants that are not asked, once reported */
	struct record record;
	struct flat flat;
	struct buf why;
	bool cut; /* not all was read */
};

static struct asked_chats *
find_asked_chats(const struct status_input *in, struct text tenant)
{
	size_t i;

	for (i = 0; i < in->poller->tenants_n; i++)
		if (text_is(tenant, in->poller->tenants[i].name))
			return &in->asked[i];
	return NULL;
}

static void
report_unknown_tenant(struct status_input *in, struct text tenant)
{
	void **slot = strmap_put(&in->unknown, tenant.p, tenant.len);

	if (*slot != NULL)
		return;
	*slot = in;
	if (poller_leaves_out(in->poller, tenant))
		return;
	poller_failed(in->poller, PROG_CONFIG);
	log_error("chats of tenant '%.*s' cannot be asked about: it is not "
		  "configured, or wrongly; reaper --purge removes the rows of "
		  "a removed tenant",
	    TEXT_ARG(tenant));
}

static enum outcome
take_asked_line(struct status_input *in, char *line, size_t len)
{
	struct asked_chats *q;

	if (record_parse(&in->record, &in->flat, line, len, &in->why) != 0)
		return deadletter_add(&in->dead, endpoint_where(in->from), line,
		    len, buf_str(&in->why));
	if (in->record.type != RECORD_CHAT)
		return OUTCOME_DONE;
	q = find_asked_chats(in, in->record.tenant);
	if (q != NULL)
		asked_chats_add(q, &in->record);
	else
		report_unknown_tenant(in, in->record.tenant);
	return OUTCOME_DONE;
}

/* 0 at the end of the input, -1 when it cannot be read. */
static int
read_asked_chats(struct status_input *in)
{
	enum outcome o = OUTCOME_DONE;
	char *line;
	size_t len;

	while (o == OUTCOME_DONE && !stop_asked()) {
		switch (endpoint_read(in->from, &line, &len, 1000)) {
		case ENDPOINT_RECORD:
			o = take_asked_line(in, line, len);
			break;
		case ENDPOINT_WAIT:
			break;
		case ENDPOINT_EMPTY:
		case ENDPOINT_END:
			return 0;
		case ENDPOINT_CUT:
			log_error("the input is cut at %s; the chats before "
				  "it are asked about",
			    endpoint_where(in->from));
			poller_failed(in->poller, PROG_DATA);
			in->cut = true;
			return 0;
		case ENDPOINT_TOOLONG:
			o = deadletter_add(&in->dead, endpoint_where(in->from),
			    NULL, 0, endpoint_refusal(in->from));
			break;
		case ENDPOINT_FAILED:
			log_error("%s", endpoint_why(in->from));
			poller_failed(in->poller, endpoint_code(in->from));
			return -1;
		}
	}
	if (o != OUTCOME_DONE)
		poller_failed(in->poller, in->dead.code);
	return -1;
}

static void
ask_all(struct status_input *in, struct endpoint *to)
{
	struct poller *p = in->poller;
	struct asked_chats *all = in->asked;
	struct http *http = http_new();
	struct fetch **fetches = xcalloc(p->tenants_n + 1, sizeof *fetches);
	size_t i, left;

	for (i = 0; i < p->tenants_n; i++) {
		all[i].cut = in->cut;
		asked_chats_begin(
		    &all[i], http, &p->tenants[i], poller_state(p));
		fetches[i] = all[i].crm.fetch;
	}
	do {
		left = fetch_turn(http, fetches, p->tenants_n);
		endpoint_pump(in->from);
		endpoint_pump(to);
		deadletter_pump(&in->dead);
	} while (left > 0 && !stop_asked());
	free(fetches);
	for (i = 0; i < p->tenants_n; i++)
		asked_chats_end(&all[i]);
	http_free(http);
}

/* Flushes the answers, and acknowledges the input only then. */
static void
flush_answers(struct status_input *in, struct endpoint *to)
{
	enum outcome o;

	do
		o = endpoint_flush(to);
	while (o == OUTCOME_LATER && endpoint_code(to) == PROG_OK &&
	       !stop_asked());
	if (o != OUTCOME_DONE) {
		if (endpoint_code(to) != PROG_OK)
			log_error("%s", endpoint_why(to));
		poller_failed(in->poller, endpoint_code(to));
		return;
	}
	/* The next reaper --list has the chats without an answer again. */
	if (deadletter_flush(&in->dead) == OUTCOME_DONE && !stop_asked())
		endpoint_ack(in->from);
	poller_failed(in->poller, deadletter_code(&in->dead));
}

static int
open_status_ends(
    struct poller *p, struct status_input *in, struct endpoint **to)
{
	struct endpoint_options opt = { .conf = p->common.conf,
		.until_empty = true,
		.prefetch = ENDPOINT_NO_PREFETCH_LIMIT };
	enum exit_code code = PROG_OK;

	in->from = endpoint_open_read(
	    p->from != NULL ? p->from : "-", &opt, &in->why, &code);
	if (in->from != NULL)
		*to = endpoint_open_write(
		    p->to != NULL ? p->to : "-", &opt, &in->why, &code);
	if (*to != NULL) {
		deadletter_open(&in->dead, in->from, &opt);
		return 0;
	}
	log_error("%s", buf_str(&in->why));
	poller_failed(p, code);
	return -1;
}

static enum exit_code
status(struct poller *p)
{
	struct status_input in = { .poller = p };
	struct endpoint *to = NULL;
	size_t i;

	if (open_status_ends(p, &in, &to) == 0) {
		in.asked = xcalloc(p->tenants_n + 1, sizeof *in.asked);
		for (i = 0; i < p->tenants_n; i++)
			in.asked[i].to = to;
		if (read_asked_chats(&in) == 0) {
			ask_all(&in, to);
			for (i = 0; i < p->tenants_n; i++)
				poller_failed(p, in.asked[i].crm.code);
		}
		flush_answers(&in, to);
		deadletter_close(&in.dead);
		free(in.asked);
	}
	strmap_release(&in.unknown, NULL);
	flat_release(&in.flat);
	buf_release(&in.why);
	endpoint_close(to);
	endpoint_close(in.from);
	return p->code;
}

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct poller, from,
	    endpoint_take_from,
	    "where chat records come from: -, a file, queue:NAME"),
	POLLER_TO,
	POLLER_STATE("what polls kept; calls are counted there"),
	POLLER_TENANT,
};

static enum exit_code
run_status_mode(void *options)
{
	struct poller *p = options;

	return poller_open(p, true) ? status(p) : p->code;
}

const struct option_mode poller_mode_status = {
	.choice = OPTION_MODE(
	    "status", "say which of the chats read are open, closed or gone"),
	.about =
	    "Reads chat records, and writes for each whether the chat is now "
	    "open, closed or\ngone.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = poller_check_ends,
	.run = run_status_mode,
};
