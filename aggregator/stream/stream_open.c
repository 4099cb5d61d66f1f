/*
 * stream_open: opens the state, then the input and the outputs.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

static enum exit_code
open_state(struct stream *s, struct buf *why)
{
	const struct conf *conf = s->job->conf;
	char part[SHARD_TEXT];
	const struct state_identity id = { s->job->definition->name,
		s->setup.window_ms, shard_text(&s->job->part, part) };
	const struct {
		struct lmdb_table **table;
		const char *name;
	} own[] = {
		{ &s->tables.tenants, "tenants" },
		{ &s->tables.chats, "chats" },
		{ &s->tables.messages, "messages" },
		{ &s->tables.operators, "operators" },
		{ &s->tables.seen, "seen" },
		{ &s->rows.table, "rows" },
		{ &s->tables.allocation, "allocation" },
		{ &s->reservations.table, "reservations" },
	};
	/* The last two are for allocation. */
	size_t n = ARRAY_LEN(own) - (s->job->selection.allocation ? 0 : 2);
	int64_t limit = conf_int(conf, "aggregator", "state_limit");
	enum exit_code code = PROG_OK;
	size_t i;

	s->state = state_open(s->job->state, &id, (size_t)limit, &code, why);
	if (s->state == NULL)
		return code;
	s->setup.state = s->state;
	for (i = 0; i < n; i++)
		*own[i].table = state_table(s->state, own[i].name);
	if (state_failed(s->state) || stream_load(s) == -1 ||
	    snapshots_open(&s->staging.snapshots, s->state) == -1)
		return state_commit(s->state, why);
	return PROG_OK;
}

/* Stores in the state whether a metric is computed. If this changed since the
 * last run, appends the name to one of the lists. */
static void
note_computed(struct stream *s, const char *name, bool is, struct buf *ended,
    struct buf *resumed)
{
	char *key = xasprintf("computes %s", name);
	int64_t was = state_number(s->state, key, -1), now = is ? 1 : 0;
	struct buf *list = is ? resumed : ended;

	if (was != now)
		state_set_number(s->state, key, now);
	if (was >= 0 && was != now)
		buf_addf(list, "%s%s", list->len > 0 ? ", " : "", name);
	free(key);
}

/* Metrics of history are written as events happen. If such a metric is not
 * computed for some minutes, these minutes are missing permanently, so a change
 * of the selection is reported. */
static void
report_selection(struct stream *s)
{
	const struct metric_selection *c = &s->job->selection;
	struct buf ended = BUF_INIT, resumed = BUF_INIT;
	const char *last = "";
	size_t i;

	for (i = 0; i < metrics_n; i++) {
		const struct table *t = metrics[i]->table;

		if (t->life == LIFE_NOW || metrics[i]->acts ||
		    strcmp(t->selector, last) == 0)
			continue;
		last = t->selector;
		note_computed(s, last, metric_selection_has(c, t->name), &ended,
		    &resumed);
	}
	note_computed(s, "messages", c->messages, &ended, &resumed);
	note_computed(s, "views", c->views, &ended, &resumed);
	note_computed(s, "eventlog", c->eventlog, &ended, &resumed);
	if (ended.len > 0)
		log_warn("[aggregator] metrics or -a no longer has %s; it "
			 "will lack everything from now on",
		    buf_str(&ended));
	if (resumed.len > 0)
		log_warn("[aggregator] metrics or -a has %s again; it lacks "
			 "everything that happened in between",
		    buf_str(&resumed));
	buf_release(&ended);
	buf_release(&resumed);
}

enum exit_code
stream_open(struct stream *s, struct buf *why)
{
	struct endpoint_options opt = { .conf = s->job->conf,
		.until_empty = s->job->until_empty,
		.wait_forever = !s->job->until_empty,
		.sole = true,
		.append = true },
				reading = opt;
	enum exit_code code;

	code = open_state(s, why);
	if (code != PROG_OK)
		return code;
	report_selection(s);
	stream_foreign_open(s, &reading);
	s->in = endpoint_open_read(s->job->from, &reading, why, &code);
	if (s->in == NULL)
		return code;
	deadletter_open(&s->dead, s->in, &opt);
	s->out = endpoint_open_write(s->job->to, &opt, why, &code);
	if (s->out != NULL && s->job->selection.allocation)
		s->assign =
		    endpoint_open_write(s->job->assign_to, &opt, why, &code);
	if (s->out == NULL ||
	    (s->job->selection.allocation && s->assign == NULL))
		return code;
	return PROG_OK;
}
