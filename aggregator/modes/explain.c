/*
 * explain: see explain.h. A line is made for each message, and one more for
 * each further interval that it ends; those of earlier episodes are known to
 * be earlier only when the next one begins.
 */
#include "aggregator/modes/explain.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

#include "aggregator/modes/modes.h"

struct line {
	const struct message *m; /* NULL: no message, but */
	const char *event;       /* this, */
	int64_t at;              /* then */
	size_t episode;
	bool counts;
	const char *change; /* of a clock, when no interval ended; or NULL */
	bool has_interval;
	bool shown_only; /* no interval of the definition */
	struct interval interval;
};

/* What the walk tells, in its order. */
struct story {
	struct line *lines;
	size_t n, cap;
	size_t first; /* of the lines of the message being walked over */
	size_t episode;
	int64_t a, w; /* before that message */
	int64_t counts_from;
};

static void
take_interval(void *ctx, const struct interval *i)
{
	struct story *s = ctx;
	struct line *l;

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
	/* No message did. */
	l->event = "chat closed";
	s->first = s->n;
}

/* What a message did to the clocks, when it ended no interval. */
static const char *
describe_change(const struct story *s, const struct clocks *c, bool ended)
{
	bool a_set = c->a != s->a && c->a != CLOCK_NONE && !ended;
	bool w_set = c->w != s->w && c->w != CLOCK_NONE;
	bool shown = c->f == CLOCK_NONE; /* A matters only until then */

	if (a_set && shown && w_set)
		return "first response and wait start";
	if (a_set && shown)
		return s->a == CLOCK_NONE ? "first response starts"
					  : "first response starts anew";
	if (w_set)
		return "wait starts";
	if (s->w != CLOCK_NONE && c->w == CLOCK_NONE && !ended)
		return "wait ends, nothing is counted";
	return NULL;
}

static void
take_message(void *ctx, const struct clocks *c, const struct message *m,
    enum event_kind h)
{
	struct story *s = ctx;
	bool counts = m->at >= s->counts_from, ended;
	size_t i;

	/* Of what does not count nothing is told. */
	if (!counts)
		s->n = s->first;
	ended = s->n > s->first;

	(void)h;
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
take_episode(void *ctx, int64_t ended_at)
{
	struct story *s = ctx;

	(void)ended_at;
	s->episode++;
	s->a = CLOCK_NONE;
}

/* A wait that the definition makes no interval of is shown all the same. */
static void
show_wait(struct story *s, const struct explain *x, int64_t since)
{
	struct interval wait = { .kind = INTERVAL_WAITING,
		.start = since,
		.end = x->model->as_of,
		.running = true,
		.operator_id = x->chat->now.assignee };

	if (wait.end > since)
		wait.ms = wait.end - since;
	take_interval(s, &wait);
	s->lines[s->n - 1].shown_only = true;
}

/* Where the definition starts a clock at the opening itself. */
static void
show_opening(struct story *s, const struct explain *x, int64_t opened_at)
{
	struct line *l;

	if (!x->rules->whole_life || opened_at == CLOCK_NONE)
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

static void
tell(const struct explain *x, struct story *s)
{
	struct clocks_listener to = { .ctx = s,
		.on_interval = take_interval,
		.on_message = take_message,
		.on_episode = take_episode };
	struct clocks_chat walk = model_clocks_chat(x->model, x->chat);
	struct clocks end;

	memset(s, 0, sizeof *s);
	s->a = CLOCK_NONE;
	s->w = CLOCK_NONE;
	s->counts_from =
	    x->rules->whole_life ? CLOCK_NONE : x->chat->now.opened_at;
	show_opening(s, x, walk.opened_at);
	clocks_walk(x->rules, &walk, &to, &end);
	if (chat_is_open(x->chat) && end.w != CLOCK_NONE && s->n == s->first)
		show_wait(s, x, end.w);
}

enum exit_code
explain_find(struct explain *x, const struct job *job,
    const struct report *reports, size_t n)
{
	struct text id = { job->explain, strlen(job->explain) };
	const struct chat *chat;
	size_t i;

	memset(x, 0, sizeof *x);
	x->rules = job->rules;
	for (i = 0; i < n; i++) {
		chat = model_find_chat(reports[i].model, id);
		if (chat == NULL)
			continue;
		if (x->model != NULL &&
		    strcmp(x->model->tenant, reports[i].model->tenant) != 0) {
			log_error("chat '%s' is one of tenant '%s' and one of "
				  "tenant '%s'; choose with --tenant",
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
		  "lists the ongoing ones",
	    job->explain);
	return PROG_NOINPUT;
}

static void
add_person(struct buf *b, const struct explain *x, uint32_t id)
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
		add_person(b, x, message_operator(m));
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
	const char *text = model_text(model, x->chat, m);

	if (m->is_private)
		buf_adds(b, "note, ");
	if (m->automated)
		buf_adds(b, "automated, ");
	buf_adds(b, kind.p != NULL ? kind.p : "message");
	if (m->is == KIND_ASSIGNED) {
		buf_adds(b, " to ");
		if (m->operator_id == 0)
			buf_adds(b, "nobody");
		add_person(b, x, m->operator_id);
	}
	if (text != NULL)
		buf_addf(b, ": %s", text);
}

static void
add_clock(struct buf *b, const struct story *s, const struct line *l)
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
add_cell(struct out_table *t, struct buf *b)
{
	out_table_cell(t, b->len > 0 ? buf_str(b) : NULL);
	buf_clear(b);
}

/* again: a further line of the same message, which is not shown twice. */
static void
add_line(struct out_table *t, const struct explain *x, const struct story *s,
    const struct line *l, bool again)
{
	struct buf b = BUF_INIT;
	char time[CLOCK_TEXT];

	clock_format_sql(l->m != NULL ? l->m->at : l->at, time);
	out_table_cell(t, again ? "" : time);
	if (again) {
		out_table_cell(t, "");
		out_table_cell(t, "");
	} else if (l->m == NULL) {
		out_table_cell(t, l->event);
		out_table_cell(t, "");
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
		add_person(&b, x, l->interval.operator_id);
		add_cell(t, &b);
	} else {
		out_table_cell(t, "");
		out_table_cell(t, "");
	}
	buf_release(&b);
}

static void
add_title(const struct explain *x, struct buf *to)
{
	const struct description *now = &x->chat->now;
	char time[CLOCK_TEXT];

	buf_addf(to, "chat %.*s of %s: %s, ", TEXT_ARG(chat_id(x->chat)),
	    x->model->tenant,
	    now->status != CHAT_NONE ? record_status_name(now->status)
				     : "never described");
	buf_adds(to, now->assignee != 0 ? "held by " : "held by nobody");
	add_person(to, x, now->assignee);
	if (now->opened_at != CLOCK_NONE) {
		clock_format_sql(now->opened_at, time);
		buf_addf(to, ", opened %s", time);
	}
	clock_format_sql(x->model->as_of, time);
	buf_addf(
	    to, "\nas of %s UTC, definition: %s\n\n", time, x->rules->name);
}

void
explain_text(const struct explain *x, enum out_format format, struct buf *to)
{
	static const struct out_column columns[] = {
		{ "TIME", false },
		{ "WHO", false },
		{ "WHAT", false },
		{ "CLOCK", false },
		{ "SECONDS", true },
		{ "CREDITED", false },
	};
	struct out_table t;
	struct story s;
	size_t i;

	tell(x, &s);
	if (format == OUT_TABLE)
		add_title(x, to);
	out_table_init(&t, columns, ARRAY_LEN(columns));
	for (i = 0; i < s.n; i++)
		add_line(&t, x, &s, &s.lines[i],
		    i > 0 && s.lines[i].m != NULL &&
			s.lines[i].m == s.lines[i - 1].m);
	if (s.n > 0 || format != OUT_TABLE)
		out_table_show(&t, format, to);
	else
		buf_adds(to, "no messages of it in the input\n");
	out_table_release(&t);
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
	jsonw_text(b, "operator", interval_operator(x->model, i));
	jsonw_time(b, "start", i->start);
	jsonw_time(b, "end", i->end);
	jsonw_seconds(b, "seconds", i->ms);
	jsonw_close(b);
}

int
explain_ndjson(const struct explain *x, report_line_fn *line, void *ctx)
{
	struct buf b = BUF_INIT;
	struct story s;
	size_t i;
	int ret = 0;

	tell(x, &s);
	for (i = 0; i < s.n && ret == 0; i++) {
		if (!s.lines[i].has_interval || s.lines[i].episode != s.episode)
			continue;
		write_interval(&b, x, &s.lines[i].interval);
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
	AGGREGATOR_DEFINITION,
	AGGREGATOR_TENANT,
};

static int
check(void *options)
{
	const struct aggregator *a = options;

	if (endpoint_is_queue(a->job.from))
		return prog_usage_error(
		    "--explain reads a file or standard input");
	return aggregator_check_rows(options);
}

const struct option_mode aggregator_mode_explain = {
	.choice = OPTION_TEXT(0, "explain", "CHAT", struct aggregator,
	    job.explain, "its messages, and what they did to the clocks"),
	.about = "Shows CHAT message by message: which clock each one started "
		 "or stopped, the\nseconds, and who is credited.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check,
	.run = aggregator_run_once,
};
