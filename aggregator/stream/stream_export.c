/*
 * stream_export: writes the state of a stream as records, for the aggregators
 * of the next epoch of the topology: chats, operators, and the messages in
 * memory, chats and messages marked as counted before ("stale"), limits, which
 * snapshots lacked the chat, and what older messages left behind ("history"):
 * for allocation at the beginning of each chat, for the clocks at its end.
 * Between them a chat's records are in the order of time, since allocation
 * takes each as it comes. Rows that were written stay; the records let the new
 * aggregators go on from here. Writing the records once more changes nothing,
 * unless a limit has no time: then the last one to arrive counts.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/records/stream_files.h"
#include "common/text/jsonw.h"

/* What a chat record told, or that a snapshot lacked the chat. */
struct moment {
	int64_t at;
	const struct description *told; /* NULL: it was absent */
};

struct record_export {
	struct endpoint *to;
	const char *tenant; /* of what follows */
	const struct allocation *allocation;
	const struct chat *chat; /* of what follows; and what is still to be
				    written of it: */
	struct moment *moments;
	size_t moments_n, moments_cap, moments_written;
	struct buf line;
	bool failed;
};

static void
begin_record(struct record_export *e, const char *type)
{
	buf_clear(&e->line);
	jsonw_open(&e->line);
	jsonw_str(&e->line, "type", type);
	jsonw_str(&e->line, "tenant", e->tenant);
}

static void
end_record(struct record_export *e)
{
	jsonw_close(&e->line);
	if (!e->failed)
		e->failed =
		    endpoint_write(e->to, e->line.data, e->line.len) == -1;
}

static void
export_text(struct record_export *e, const char *key, struct text t)
{
	if (t.p != NULL)
		jsonw_text(&e->line, key, t);
}

static void
export_time(struct record_export *e, const char *key, int64_t at)
{
	if (at != CLOCK_NONE)
		jsonw_time(&e->line, key, at);
}

static void
export_number(struct record_export *e, const char *key, int64_t n)
{
	if (n != RECORD_NO_NUMBER)
		jsonw_int(&e->line, key, n);
}

static void
export_limit(void *ctx, struct text operator_id, struct text channel,
    int64_t max_chats, int64_t at)
{
	struct record_export *e = ctx;

	begin_record(e, "limit");
	export_text(e, "operator", operator_id);
	export_text(e, "channel", channel);
	export_number(e, "max_chats", max_chats);
	export_time(e, "at", at);
	end_record(e);
}

static void
begin_operator(struct record_export *e, const struct model *m,
    const struct operator_info *o)
{
	begin_record(e, "operator");
	export_text(e, "operator", operator_id(m, o));
	export_text(e, "name", model_name(m, o->name));
}

/* Also a name that the last snapshot did not have: once the operator leaves, no
 * other record has it. */
static void
export_operator(struct record_export *e, const struct model *m,
    const struct operator_info *o)
{
	begin_operator(e, m, o);
	if (!o->listed)
		jsonw_bool(&e->line, "stale", true);
	if (o->has_available)
		jsonw_bool(&e->line, "available", o->available);
	export_time(e, "available_at", o->available_at);
	export_number(e, "reported_open_chats", o->reported_open_chats);
	export_number(e, "max_chats",
	    allocation_max_chats(e->allocation, operator_id(m, o)));
	export_text(e, "tags",
	    allocation_operator_tags(e->allocation, operator_id(m, o)));
	end_record(e);
}

/* Rows of the chats, which come first, have the names. */
static void
export_names(struct record_export *e, const struct model *m)
{
	size_t i;

	if (m->chats_n == 0)
		return;
	for (i = 0; i < m->operators_n && !e->failed; i++) {
		if (m->operators[i]->name == 0)
			continue;
		begin_operator(e, m, m->operators[i]);
		jsonw_bool(&e->line, "stale", true);
		end_record(e);
	}
}

static void
export_description(struct record_export *e, const struct model *m,
    const struct chat *c, const struct description *d)
{
	begin_record(e, "chat");
	jsonw_text(&e->line, "chat", chat_id(c));
	export_time(e, "at", d->at);
	/* It was in time when it came, and its closing is counted. */
	jsonw_bool(&e->line, "stale", true);
	if (d->status != CHAT_NONE)
		jsonw_str(&e->line, "status", record_status_name(d->status));
	export_text(e, "operator", model_name(m, d->assignee));
	export_text(e, "channel", model_name(m, d->channel));
	export_text(e, "customer", model_name(m, d->customer));
	export_text(e, "customer_name", model_name(m, d->customer_name));
	export_text(e, "customer_phone", model_name(m, d->customer_phone));
	export_text(e, "tag", model_name(m, d->tag));
	/* The newest of its records said so, or none. */
	export_text(e, "tags", allocation_chat_tags(e->allocation, chat_id(c)));
	export_time(e, "opened_at", d->opened_at);
	export_time(e, "closed_at", d->closed_at);
	end_record(e);
}

/* Of one time in the opposite order. */
static void
add_moment(struct record_export *e, int64_t at, const struct description *told)
{
	size_t i;

	XGROW(e->moments, e->moments_n, e->moments_cap);
	for (i = e->moments_n++; i > 0 && e->moments[i - 1].at >= at; i--)
		e->moments[i] = e->moments[i - 1];
	e->moments[i] = (struct moment){ at, told };
}

static void
add_absence(void *ctx, const struct chat *c, int64_t at)
{
	(void)c;
	add_moment(ctx, at, NULL);
}

static void
begin_history(struct record_export *e)
{
	begin_record(e, "history");
	jsonw_text(&e->line, "chat", chat_id(e->chat));
}

static void
export_moments(struct record_export *e, const struct model *m, int64_t until)
{
	const struct moment *x;

	for (; e->moments_written < e->moments_n; e->moments_written++) {
		x = &e->moments[e->moments_written];
		if (x->at > until)
			return;
		if (x->told != NULL) {
			export_description(e, m, e->chat, x->told);
			continue;
		}
		begin_history(e);
		jsonw_time(&e->line, "absent_at", x->at);
		end_record(e);
	}
}

static void
export_channel(struct record_export *e)
{
	if (e->allocation != NULL)
		export_text(e, "channel",
		    allocation_chat_channel(e->allocation, chat_id(e->chat)));
}

static void
export_news(
    void *ctx, enum message_from by, enum chat_status status, int64_t at)
{
	struct record_export *e = ctx;

	begin_history(e);
	jsonw_str(&e->line, "status", record_status_name(status));
	export_time(e, "status_at", at);
	jsonw_str(&e->line, "from", record_from_name(by));
	export_channel(e);
	end_record(e);
}

/* Who had the chat by messages that are no longer kept. */
static void
export_holder(struct record_export *e, const struct model *m)
{
	const struct dropped_history *f = &e->chat->dropped;

	if (f->assignee_at == CLOCK_NONE)
		return;
	begin_history(e);
	export_time(e, "at", f->at);
	jsonw_bool(&e->line, "held", true);
	export_text(e, "operator", model_name(m, f->assignee));
	export_channel(e);
	end_record(e);
}

static void
export_dropped_status(struct record_export *e, const struct dropped_history *f)
{
	if (f->status != CHAT_NONE)
		jsonw_str(&e->line, "status",
		    record_status_name((enum chat_status)f->status));
	export_time(e, "status_at", f->status_at);
}

/* What messages told allocation that are no longer kept; before all others of
 * the chat, first when the last of them was: what follows finds no silence
 * where there was none. */
static void
export_before(struct record_export *e, const struct model *m)
{
	const struct dropped_history *f = &e->chat->dropped;

	if (f->at == CLOCK_NONE)
		return;
	begin_history(e);
	export_time(e, "at", f->at);
	export_dropped_status(e, f);
	end_record(e);
	if (e->allocation != NULL)
		allocation_news_each(
		    e->allocation, chat_id(e->chat), f->at, export_news, e);
	export_holder(e, m);
}

/* What messages left that are no longer kept; the last record of a chat. */
static void
export_history(
    struct record_export *e, const struct model *m, const struct chat *c)
{
	const struct dropped_history *f = &c->dropped;

	begin_history(e);
	export_time(e, "at", f->at);
	export_dropped_status(e, f);
	if (f->assignee_at != CLOCK_NONE)
		jsonw_bool(&e->line, "held", true);
	export_text(e, "operator", model_name(m, f->assignee));
	jsonw_int(&e->line, "episode", f->episode);
	export_time(e, "listed_at", c->listed_at);
	end_record(e);
}

static void
export_run(void *ctx, const struct streaming_metric_run *run)
{
	struct record_export *e = ctx;

	begin_record(e, "history");
	jsonw_text(&e->line, "chat", run->chat);
	jsonw_time(&e->line, "at", run->last_at);
	jsonw_str(&e->line, "from", record_from_name(run->from));
	jsonw_int(&e->line, "length", run->length);
	jsonw_int(&e->line, "longest", run->longest);
	end_record(e);
}

static void
export_message(void *ctx, const struct model *m, const struct chat *c,
    const struct message *x)
{
	struct record_export *e = ctx;
	char id[MESSAGE_ID_TEXT];

	export_moments(e, m, x->at);
	begin_record(e, "message");
	jsonw_text(&e->line, "chat", chat_id(c));
	jsonw_text(&e->line, "id",
	    message_id_text(&m->lexicon.message_ids, x->id, id));
	jsonw_time(&e->line, "at", x->at);
	jsonw_str(
	    &e->line, "from", record_from_name((enum message_from)x->from));
	jsonw_bool(&e->line, "stale", true);
	export_text(e, "user", model_name(m, x->user));
	export_text(e, "operator", model_name(m, x->operator_id));
	export_text(
	    e, "channel", lexicon_channel_text(&m->lexicon, x->channel));
	export_text(e, "kind", model_name(m, m->lexicon.kinds[x->kind]));
	export_time(e, "updated_at", message_updated_at(x));
	if (x->is_private)
		jsonw_bool(&e->line, "private", true);
	if (x->automated)
		jsonw_bool(&e->line, "automated", true);
	end_record(e);
}

/* Which snapshots lacked the chats that nothing is known of. */
static void
export_snapshots(struct record_export *e, const struct model *m)
{
	unsigned i;

	for (i = 0; i < BUCKETS; i++) {
		if (m->whole_at[i] == CLOCK_NONE)
			continue;
		begin_record(e, "clock");
		export_time(e, "at", m->whole_at[i]);
		jsonw_int(&e->line, "bucket", i);
		export_time(e, "absent_at", m->whole_at[i]);
		end_record(e);
	}
}

static void
export_chat(struct record_export *e, struct model *m, struct chat *c)
{
	const struct description *d;

	e->chat = c;
	e->moments_n = e->moments_written = 0;
	for (d = c->descriptions; d != NULL; d = d->next)
		add_moment(e, d->at, d);
	model_each_absence(m, c, add_absence, e);
	export_before(e, m);
	model_each_message(m, c, export_message, e);
	export_moments(e, m, INT64_MAX);
	export_history(e, m, c);
}

static void
export_tenant(struct record_export *e, struct pipeline *p)
{
	struct model *m = &p->model;
	size_t i;

	e->tenant = m->tenant;
	e->allocation = p->allocation;
	allocation_limits_each(p->allocation, export_limit, e);
	streaming_metrics_hand_over(p->streaming, export_run, e);
	export_names(e, m);
	for (i = 0; i < m->chats_n && !e->failed; i++)
		export_chat(e, m, m->chats[i]);
	export_snapshots(e, m);
	/* Behind all that says who may have how many chats, who has one, and
	 * which left: who comes is given chats at the next flush. */
	for (i = 0; i < m->operators_n && !e->failed; i++)
		if (m->operators[i]->listed || m->operators[i]->name != 0)
			export_operator(e, m, m->operators[i]);
	if (m->as_of == CLOCK_NONE || e->failed)
		return;
	begin_record(e, "clock");
	export_time(e, "at", m->as_of);
	end_record(e);
}

static enum exit_code
export_tenants(struct stream *s, struct endpoint *to)
{
	struct record_export e = { .to = to, .line = BUF_INIT };
	size_t i;

	for (i = 0; i < s->tenants_n && !e.failed; i++)
		export_tenant(&e, &s->tenants[i]->pipeline);
	buf_release(&e.line);
	free(e.moments);
	return e.failed ? endpoint_code(to) : PROG_OK;
}

static enum exit_code
export_to(struct stream *s, struct endpoint *to)
{
	enum exit_code code = export_tenants(s, to);
	enum outcome o = OUTCOME_LATER;

	while (code == PROG_OK && o == OUTCOME_LATER && !stop_asked())
		o = endpoint_flush(to);
	if (code == PROG_OK && o == OUTCOME_LATER)
		code = PROG_TEMPFAIL;
	if (code == PROG_OK && o == OUTCOME_NEVER)
		code = endpoint_code(to);
	if (code != PROG_OK)
		log_error("not all was exported: %s", endpoint_why(to));
	return code;
}

static enum exit_code
export_state(struct stream *s, struct buf *why)
{
	struct endpoint_options opt = { .conf = s->job->conf,
		.wait_forever = true };
	struct endpoint *to;
	enum exit_code code;
	char *file = xasprintf("%s/" STREAM_MDB, s->job->state);
	bool there = access(file, F_OK) == 0;

	free(file);
	/* Opening would make one, in whatever folder was named. */
	if (!there) {
		buf_setf(why, "there is no state in '%s'; check its name",
		    s->job->state);
		return PROG_NOINPUT;
	}
	code = stream_open_state(s, why);
	if (code != PROG_OK)
		return code;
	if (s->unconfirmed) {
		buf_setf(why,
		    "the last rows of state '%s' are not confirmed; let its "
		    "aggregator end in order first, with --until-empty",
		    s->job->state);
		return PROG_TEMPFAIL;
	}
	to = endpoint_open_write(s->job->to, &opt, why, &code);
	if (to == NULL) /* stopped: nothing was exported */
		return code == PROG_OK ? PROG_TEMPFAIL : code;
	code = export_to(s, to);
	endpoint_close(to);
	return code;
}

enum exit_code
stream_export(const struct aggregator_job *job)
{
	static struct stream s;
	struct buf why = BUF_INIT;
	enum exit_code code;

	stream_init(&s, job);
	code = export_state(&s, &why);
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	stream_release(&s);
	buf_release(&why);
	return code;
}
