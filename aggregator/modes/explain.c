/*
 * explain: shows one chat, message by message: which clock each message started
 * or stopped, the seconds, and the operator who is credited by the selected
 * definition. It runs the same code as the metrics, so it shows what they
 * count. The mode --explain, a one-shot run, is at the end of this file.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/hours/terms.h"
#include "common/json/jsonw.h"
#include "common/output/output_table.h"

#include "aggregator/modes/modes.h"

/* The messages of a chat in the order of the clocks, and the effect of each on
 * the clocks. */

struct explain_line {
	const struct message *m; /* NULL: the line is about time and event, the
				  * next two members */
	const char *event;
	int64_t at;
	size_t episode;
	bool counts;
	const char *change; /* the effect on a clock if no interval ended; or
			     * NULL */
	bool has_interval;
	bool shown_only; /* the definition does not count this interval */
	struct interval interval;
};

/* The lines, in the order of the walk. */
struct explain_lines {
	struct explain_line *lines;
	size_t n, cap;
	size_t first; /* index of the current message's first line */
	size_t episode;
	int64_t a, w; /* the clocks A and W before that message */
	int64_t counts_from;
};

static void
on_explained_interval(void *ctx, const struct interval *i)
{
	struct explain_lines *s = ctx;
	struct explain_line *l;

	XGROW(s->lines, s->n, s->cap);
	l = &s->lines[s->n++];
	memset(l, 0, sizeof *l);
	l->episode = s->episode;
	l->counts = true;
	l->event = "now";
	l->at = i->end;
	l->has_interval = true;
	l->interval = *i;
	if (!i->by_record)
		return;
	/* The interval ended without a message. */
	l->event = "chat closed";
	s->first = s->n;
}

static void
on_explained_undivided(void *ctx, int64_t since)
{
	struct explain_lines *s = ctx;
	struct explain_line *l;

	for (l = s->lines; l < s->lines + s->n; l++)
		if (l->has_interval && l->interval.kind == INTERVAL_WAITING &&
		    l->interval.start >= since)
			l->has_interval = false;
}

/* Describes the effect on the clocks of a message that ended no interval. */
static const char *
describe_change(
    const struct explain_lines *s, const struct clocks *c, bool ended)
{
	bool a_set = c->a != s->a && c->a != CLOCK_NONE && !ended;
	bool w_set = c->w != s->w && c->w != CLOCK_NONE;
	bool shown = c->f == CLOCK_NONE; /* A matters only before the first
					  * response */

	if (a_set && shown && w_set)
		return "first response and wait start";
	if (a_set && shown)
		return s->a == CLOCK_NONE ? "first response starts"
					  : "first response restarts";
	if (w_set)
		return "wait starts";
	if (s->w != CLOCK_NONE && c->w == CLOCK_NONE && !ended)
		return "wait ends, nothing is counted";
	return NULL;
}

static void
on_explained_message(void *ctx, const struct clocks *c, const struct message *m,
    enum event_kind kind)
{
	struct explain_lines *s = ctx;
	bool counts = m->at >= s->counts_from, ended;
	size_t i;

	(void)kind;
	/* Intervals that end with a message that does not count are dropped. */
	if (!counts)
		s->n = s->first;
	ended = s->n > s->first;
	if (!ended) {
		XGROW(s->lines, s->n, s->cap);
		memset(&s->lines[s->n++], 0, sizeof *s->lines);
	}
	for (i = s->first; i < s->n; i++) {
		s->lines[i].m = m;
		s->lines[i].episode = s->episode;
		s->lines[i].counts = counts;
	}
	s->lines[s->first].change = describe_change(s, c, ended);
	s->first = s->n;
	s->a = c->a;
	s->w = c->w;
}

static void
on_explained_episode(void *ctx, int64_t ended_at)
{
	struct explain_lines *s = ctx;

	(void)ended_at;
	s->episode++;
	s->a = CLOCK_NONE;
}

/* Shows a running wait, even if the definition does not count it. */
static void
show_wait(struct explain_lines *s, const struct explain *x, int64_t since)
{
	struct interval wait = { .kind = INTERVAL_WAITING,
		.start = since,
		.end = x->model->as_of,
		.running = true,
		.operator_id = x->chat->now.assignee };

	if (wait.end > since)
		wait.ms = wait.end - since;
	on_explained_interval(s, &wait);
	s->lines[s->n - 1].shown_only = true;
}

/* Shows the opening of the chat, at which some definitions start a clock. */
static void
show_opening(
    struct explain_lines *s, const struct explain *x, int64_t opened_at)
{
	struct explain_line *l;

	if (!x->definition->whole_life || opened_at == CLOCK_NONE)
		return;
	XGROW(s->lines, s->n, s->cap);
	l = &s->lines[s->n++];
	memset(l, 0, sizeof *l);
	l->event = "chat opened";
	l->at = opened_at;
	l->counts = true;
	l->change = "first response starts";
	s->first = s->n;
	s->a = opened_at;
}

/* Walks over the chat. The caller frees the lines. */
static void
explain_walk(const struct explain *x, struct explain_lines *s)
{
	struct clocks_listener to = { .ctx = s,
		.on_interval = on_explained_interval,
		.on_undivided = on_explained_undivided,
		.on_message = on_explained_message,
		.on_episode = on_explained_episode };
	struct clocks_chat walk = model_clocks_chat(x->model, x->chat);
	struct clocks end;

	memset(s, 0, sizeof *s);
	s->a = CLOCK_NONE;
	s->w = CLOCK_NONE;
	s->counts_from =
	    x->definition->whole_life ? CLOCK_NONE : x->chat->now.opened_at;
	show_opening(s, x, walk.opened_at);
	clocks_walk(x->definition, &walk, &to, &end);
	/* The chat was reopened and has had no message since. */
	if (chat_is_open(x->chat) && end.closed && !x->definition->whole_life)
		s->episode++;
	if (chat_is_open(x->chat) && end.w != CLOCK_NONE && s->n == s->first)
		show_wait(s, x, end.w);
}

enum exit_code
explain_find(struct explain *x, const struct aggregator_job *job,
    const struct tenant_rows *reports, size_t n)
{
	struct text id = text_from(job->explain);
	const struct chat *chat;
	size_t i;

	memset(x, 0, sizeof *x);
	x->definition = job->definition;
	for (i = 0; i < n; i++) {
		chat = model_find_chat(reports[i].model, id);
		if (chat == NULL)
			continue;
		if (x->model != NULL &&
		    strcmp(x->model->tenant, reports[i].model->tenant) != 0) {
			log_error("chat '%s' exists in tenant '%s' and in "
				  "tenant '%s'; choose one with --tenant",
			    job->explain, x->model->tenant,
			    reports[i].model->tenant);
			return PROG_DATA;
		}
		x->model = reports[i].model;
		x->chat = chat;
	}
	if (x->chat != NULL)
		return PROG_OK;
	log_error("no chat '%s' in the input; -o csv --table chat_metrics "
		  "lists the open chats",
	    job->explain);
	return PROG_NOINPUT;
}

static void
add_operator_name(struct buf *b, const struct explain *x, uint32_t id)
{
	const struct interner *names = &x->model->lexicon.names;
	const struct operator_info *o;
	struct text name = { NULL, 0 };

	if (id == 0)
		return;
	o = interner_at(names, id)->operator_info;
	if (o != NULL)
		name = operator_name(x->model, o);
	if (name.len > 0)
		buf_addf(
		    b, "%s (%s)", name.p, name_str(interner_at(names, id)));
	else
		buf_adds(b, name_str(interner_at(names, id)));
}

static void
add_who(struct buf *b, const struct explain *x, const struct message *m)
{
	if (m->from == FROM_OPERATOR && message_operator(m) != 0) {
		add_operator_name(b, x, message_operator(m));
		return;
	}
	buf_adds(b, record_from_name((enum message_from)m->from));
	if (m->user != 0)
		buf_addf(b, " %s", model_name(x->model, m->user).p);
}

static void
add_what(struct buf *b, const struct explain *x, const struct message *m)
{
	const struct model *model = x->model;
	struct text kind = model_name(model, model->lexicon.kinds[m->kind]);
	struct text text = model_text(model, x->chat, m);

	if (m->is_private)
		buf_adds(b, "note, ");
	if (m->automated)
		buf_adds(b, "automated, ");
	buf_adds(b, kind.p != NULL ? kind.p : "message");
	if (m->is == KIND_ASSIGNED) {
		buf_adds(b, " to ");
		if (m->operator_id == 0)
			buf_adds(b, "nobody");
		add_operator_name(b, x, m->operator_id);
	}
	if (text.p != NULL)
		buf_addf(b, ": %s", text.p);
}

static void
add_clock(
    struct buf *b, const struct explain_lines *s, const struct explain_line *l)
{
	static const char *const words[] = {
		[INTERVAL_FIRST_RESPONSE] = "first response",
		[INTERVAL_REPLY] = "reply",
		[INTERVAL_RESOLUTION] = "resolution",
		[INTERVAL_UNANSWERED] = "closed unanswered",
		[INTERVAL_WAITING] = "held while waiting",
	};

	if (!l->counts) {
		buf_adds(b, "before this episode");
		return;
	}
	if (!l->has_interval && l->change == NULL)
		return;
	if (l->episode < s->episode)
		buf_adds(b, "earlier episode: ");
	if (l->has_interval && l->interval.running)
		buf_adds(b, "still waiting");
	else if (l->has_interval)
		buf_adds(b, words[l->interval.kind]);
	if (l->has_interval && l->interval.skewed)
		buf_adds(b, " (skewed)");
	if (l->change != NULL)
		buf_addf(b, "%s%s", l->has_interval ? "; " : "", l->change);
}

static void
add_cell(struct output_table *t, struct buf *b)
{
	output_table_cell(t, b->len > 0 ? buf_str(b) : NULL);
	buf_clear(b);
}

/* again: the line is about the same message as the previous line, so the
 * message is not repeated. */
static void
add_explain_line(struct output_table *t, const struct explain *x,
    const struct explain_lines *s, const struct explain_line *l, bool again)
{
	struct buf b = BUF_INIT;
	char time[CLOCK_TEXT];

	clock_format_sql(l->m != NULL ? l->m->at : l->at, time);
	output_table_cell(t, again ? "" : time);
	if (again) {
		output_table_cell(t, "");
		output_table_cell(t, "");
	} else if (l->m == NULL) {
		output_table_cell(t, l->event);
		output_table_cell(t, "");
	} else {
		add_who(&b, x, l->m);
		add_cell(t, &b);
		add_what(&b, x, l->m);
		add_cell(t, &b);
	}
	add_clock(&b, s, l);
	add_cell(t, &b);
	if (l->has_interval) {
		buf_addf(&b, "%lld.%03lld", (long long)(l->interval.ms / 1000),
		    (long long)(l->interval.ms % 1000));
		add_cell(t, &b);
		add_operator_name(&b, x, l->interval.operator_id);
		add_cell(t, &b);
	} else {
		output_table_cell(t, "");
		output_table_cell(t, "");
	}
	buf_release(&b);
}

/* Returns what applies to an interval, as for its row: the terms of its
 * message's channel, or of the chat's. */
static const struct terms *
terms_of_interval(const struct explain *x, const struct interval *i)
{
	const struct model *m = x->model;
	struct text channel =
	    i->by_record || i->running
		? model_name(m, x->chat->now.channel)
		: lexicon_channel_text(&m->lexicon, i->channel);

	return terms_of_channel(m->terms, channel);
}

static bool
has_target(enum interval_kind kind, enum target_kind *to)
{
	switch (kind) {
	case INTERVAL_FIRST_RESPONSE:
		*to = TARGET_FIRST_RESPONSE;
		return true;
	case INTERVAL_REPLY:
		*to = TARGET_REPLY;
		return true;
	case INTERVAL_RESOLUTION:
		*to = TARGET_RESOLUTION;
		return true;
	case INTERVAL_UNANSWERED:
	case INTERVAL_WAITING:
		break;
	}
	return false;
}

/* Adds the target of a running wait, and by when it must end. */
static void
add_due(struct buf *b, const struct explain *x, const struct terms *t)
{
	const struct awaited_answer answer = chat_awaited_answer(x->chat);
	int64_t answer_by = judge_due(t, answer.kind, answer.since).answer_by;
	char time[CLOCK_TEXT];

	if (answer_by == CLOCK_NONE)
		return;
	clock_format_sql(answer_by, time);
	buf_adds(b, "target ");
	target_add(judge_target(t, answer.kind, answer.since), b);
	buf_addf(b, ": %s %s",
	    x->model->as_of > answer_by ? "late since" : "answer by", time);
}

static void
add_judgement(struct buf *b, const struct terms *t,
    const struct judged_interval *i, const struct judgement *j)
{
	if (j->target_ms == CLOCK_NONE)
		return;
	buf_adds(b, "target ");
	target_add(judge_target(t, i->kind, i->begin), b);
	if (j->kept >= 0)
		buf_adds(b, j->kept > 0 ? ": kept" : ": missed");
}

/* Adds a line about the interval of the line before. work_ms may be
 * CLOCK_NONE. */
static void
add_more(struct output_table *t, struct buf *clock, int64_t work_ms)
{
	struct buf b = BUF_INIT;

	if (clock->len == 0)
		return;
	output_table_cell(t, "");
	output_table_cell(t, "");
	output_table_cell(t, "");
	add_cell(t, clock);
	if (work_ms != CLOCK_NONE)
		buf_addf(&b, "%lld.%03lld", (long long)(work_ms / 1000),
		    (long long)(work_ms % 1000));
	output_table_cell(t, buf_str(&b));
	output_table_cell(t, "");
	buf_release(&b);
}

/* Adds a line about the work time of an interval, if the team was closed
 * meanwhile, and one about its target. */
static void
add_terms_lines(
    struct output_table *t, const struct explain *x, const struct interval *i)
{
	const struct terms *terms = terms_of_interval(x, i);
	struct judged_interval judged = {
		.answered = true, .begin = i->start, .end = i->end
	};
	struct judgement j;
	struct buf b = BUF_INIT;
	char text[DURATION_TEXT];
	int64_t closed = 0;

	judged.has_target = !i->running && has_target(i->kind, &judged.kind);
	j = judge(terms, &judged);
	if (j.work_ms != CLOCK_NONE)
		closed = i->end - i->start - j.work_ms;
	if (closed > 0)
		buf_addf(&b, "work time, without %s closed",
		    duration_format(closed, text));
	add_more(t, &b, j.work_ms);
	if (i->running)
		add_due(&b, x, terms);
	else
		add_judgement(&b, terms, &judged, &j);
	add_more(t, &b, CLOCK_NONE);
	buf_release(&b);
}

/* Names come from a CRM and may contain escape sequences, which must not reach
 * a terminal. */
static void
add_explain_title(const struct explain *x, struct buf *to)
{
	const struct description *now = &x->chat->now;
	struct buf line = BUF_INIT;
	char time[CLOCK_TEXT];

	buf_addf(&line, "chat %.*s of %s: %s, ", TEXT_ARG(chat_id(x->chat)),
	    x->model->tenant,
	    now->status != CHAT_NONE ? record_status_name(now->status)
				     : "never described");
	buf_adds(&line, now->assignee != 0 ? "assigned to " : "unassigned");
	add_operator_name(&line, x, now->assignee);
	if (now->opened_at != CLOCK_NONE) {
		clock_format_sql(now->opened_at, time);
		buf_addf(&line, ", opened %s", time);
	}
	display_add(to, buf_str(&line), SIZE_MAX);
	buf_release(&line);
	clock_format_sql(x->model->as_of, time);
	buf_addf(to, "\nas of %s UTC, definition: %s\n\n", time,
	    x->definition->name);
}

void
explain_text(const struct explain *x, enum output_format format, struct buf *to)
{
	static const struct output_column columns[] = {
		{ "TIME", OUTPUT_TEXT },
		{ "WHO", OUTPUT_TEXT },
		{ "WHAT", OUTPUT_TEXT },
		{ "CLOCK", OUTPUT_TEXT },
		{ "SECONDS", OUTPUT_NUMBER },
		{ "CREDITED", OUTPUT_TEXT },
	};
	struct output_table t;
	struct explain_lines s;
	size_t i;

	explain_walk(x, &s);
	if (format == OUTPUT_TABLE)
		add_explain_title(x, to);
	output_table_init(&t, columns, ARRAY_LEN(columns));
	for (i = 0; i < s.n; i++) {
		add_explain_line(&t, x, &s, &s.lines[i],
		    i > 0 && s.lines[i].m != NULL &&
			s.lines[i].m == s.lines[i - 1].m);
		if (s.lines[i].has_interval && s.lines[i].counts)
			add_terms_lines(&t, x, &s.lines[i].interval);
	}
	if (s.n > 0 || format != OUTPUT_TABLE)
		output_table_show(&t, format, to);
	else
		buf_adds(to, "the input has no messages of this chat\n");
	output_table_release(&t);
	free(s.lines);
}

static void
write_interval(struct buf *b, const struct explain *x, const struct interval *i)
{
	buf_clear(b);
	jsonw_open(b);
	jsonw_str(b, "type", "interval");
	jsonw_str(b, "tenant", x->model->tenant);
	jsonw_text(b, "chat", chat_id(x->chat));
	jsonw_str(b, "kind", clocks_interval_name(i->kind));
	jsonw_text(b, "operator", model_name(x->model, i->operator_id));
	jsonw_time(b, "start", i->start);
	jsonw_time(b, "end", i->end);
	jsonw_seconds(b, "seconds", i->ms);
	jsonw_close(b);
}

int
explain_ndjson(const struct explain *x, tenant_rows_line_fn *line, void *ctx)
{
	struct buf b = BUF_INIT;
	struct explain_lines s;
	const struct explain_line *l;
	size_t i;
	int ret = 0;

	explain_walk(x, &s);
	for (i = 0; i < s.n && ret == 0; i++) {
		l = &s.lines[i];
		if (!l->has_interval || l->shown_only ||
		    l->episode != s.episode)
			continue;
		write_interval(&b, x, &l->interval);
		ret = line(ctx, b.data, b.len);
	}
	free(s.lines);
	buf_release(&b);
	return ret;
}

static const struct option_row rows[] = {
	AGGREGATOR_FROM,
	AGGREGATOR_TO,
	AGGREGATOR_FORMAT,
	AGGREGATOR_CLOCK,
	AGGREGATOR_DEFINITION,
	AGGREGATOR_TENANT,
};

static int
check_explain(void *options)
{
	const struct aggregator *a = options;

	if (endpoint_is_queue(a->job.from))
		return prog_usage_error(
		    "--explain reads a file or standard input");
	return aggregator_check_rows(options);
}

const struct option_mode aggregator_mode_explain = {
	.choice = OPTION_TEXT(0, "explain", "CHAT", struct aggregator,
	    job.explain, "explain the response times of a chat"),
	.about =
	    "Shows CHAT message by message: the clock that each message "
	    "started or stopped,\nthe seconds, and the operator credited.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_explain,
	.run = aggregator_run_once,
};
