/*
 * check: poller --check, the doctor. Puts each kind of question once to every
 * tenant's CRM, shows what works, what can be seen, and what the schedule
 * will cost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/log.h"
#include "common/out.h"
#include "common/stop.h"
#include "common/xalloc.h"
#include "poller/chat_lists.h"
#include "poller/fault.h"
#include "poller/fetch.h"
#include "poller/forecast.h"
#include "poller/poller.h"
#include "poller/store.h"
#include "poller/usage.h"

#define TRIES 2

/* How far back last messages tell of the rate of changes. */
#define RECENT_MS (10 * INT64_C(60000))

enum step {
	STEP_PROFILE,
	STEP_ADDRESS,
	STEP_TOKEN,
	STEP_CLOCK,
	STEP_OPERATORS,
	STEP_CHATS,
	STEP_MESSAGES,
	STEP_CUSTOMER,
	STEP_STATE,
	STEP_CALLS,
	STEPS
};

static const char *const step_names[STEPS] = { "profile", "address", "token",
	"clock", "operators", "chats", "messages", "customer", "state",
	"calls" };

struct finding {
	enum { UNKNOWN, GOOD, BAD } result;
	struct buf detail;
};

struct patient {
	const struct tenant *tenant;
	const struct conf *conf;
	struct fetch *fetch;
	struct store *store; /* or NULL */
	struct skew skew;
	struct finding findings[STEPS];
	uint64_t operators, available, operator_pages;
	uint64_t chats, unassigned, pages, recent, messages;
	int64_t silence_ms; /* see changed_per_minute() */
	int64_t oldest;     /* chat's beginning; CLOCK_NONE */
	struct crew crew;
	struct chat_lists lists;
	struct value *sample; /* a chat whose messages are read */
	char *customer;
	struct forecast forecast;
	int64_t used; /* calls this month; -1: not known */
	enum exit_code code;
};

static void
found(struct patient *p, enum step s, bool good)
{
	p->findings[s].result = good ? GOOD : BAD;
}

static void
bad(struct patient *p, enum step s, const struct ending *e)
{
	struct buf way = BUF_INIT;

	fault_way_out(p->tenant, e->fault, &way);
	found(p, s, false);
	buf_setf(&p->findings[s].detail, "%s; %s", e->message, buf_str(&way));
	if (p->code == PROG_OK)
		p->code = fault_code(e->fault);
	buf_release(&way);
}

/* Any answer at all, even a refusal, shows that the address is right. */
static void
look_at_address(struct patient *p, const struct ending *e)
{
	struct finding *f = &p->findings[STEP_ADDRESS];
	bool tls = strncmp(p->tenant->base, "https", 5) == 0;

	if (e->fault == FAULT_LATER && f->result == UNKNOWN) {
		bad(p, STEP_ADDRESS, e);
	} else if (e->fault == FAULT_NONE || e->fault == FAULT_DENIED ||
		   e->fault == FAULT_QUOTA) {
		found(p, STEP_ADDRESS, true);
		buf_setf(&f->detail, "%s, %s", p->tenant->base,
		    tls ? "TLS verified" : "without TLS");
	}
}

static void
token_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct patient *p = ctx;

	(void)asked_ms;
	if (a->message.len > 0)
		buf_setf(&p->findings[STEP_TOKEN].detail, "%s",
		    buf_str(&a->message));
}

static void
token_end(void *ctx, const struct ending *e)
{
	struct patient *p = ctx;
	struct finding *f = &p->findings[STEP_TOKEN];

	look_at_address(p, e);
	if (e->fault == FAULT_NONE) {
		found(p, STEP_TOKEN, true);
		if (f->detail.len == 0)
			buf_setf(&f->detail, "%s", p->tenant->token_source);
	} else {
		bad(p, STEP_TOKEN, e);
	}
}

static void
operators_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct patient *p = ctx;
	size_t i;

	p->operator_pages++;
	for (i = 0; i < a->n; i++) {
		if (a->records[i].type != RECORD_OPERATOR)
			continue;
		crew_add(&p->crew, &a->records[i], asked_ms);
		p->operators++;
		p->available += a->records[i].available;
	}
}

static void
operators_end(void *ctx, const struct ending *e)
{
	struct patient *p = ctx;

	look_at_address(p, e);
	if (e->fault != FAULT_NONE) {
		bad(p, STEP_OPERATORS, e);
		return;
	}
	found(p, STEP_OPERATORS, true);
	buf_setf(&p->findings[STEP_OPERATORS].detail,
	    "%llu operators, %llu of them available",
	    (unsigned long long)p->operators, (unsigned long long)p->available);
	if (p->lists.by_operator)
		chat_lists_ask(&p->lists);
}

static void
messages_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct patient *p = ctx;

	(void)asked_ms;
	p->messages += a->n;
}

static void
messages_end(void *ctx, const struct ending *e)
{
	struct patient *p = ctx;

	if (e->fault != FAULT_NONE) {
		bad(p, STEP_MESSAGES, e);
		return;
	}
	found(p, STEP_MESSAGES, true);
	buf_setf(&p->findings[STEP_MESSAGES].detail,
	    "%llu messages of one chat", (unsigned long long)p->messages);
}

static void
customer_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	(void)ctx;
	(void)a;
	(void)asked_ms;
}

static void
customer_end(void *ctx, const struct ending *e)
{
	struct patient *p = ctx;

	if (e->fault != FAULT_NONE) {
		bad(p, STEP_CUSTOMER, e);
		return;
	}
	found(p, STEP_CUSTOMER, true);
	buf_setf(&p->findings[STEP_CUSTOMER].detail, "can be asked about");
}

/* Of the last message of a chat: how long ago it was written. */
static void
look_at_last(struct patient *p, int64_t ago_ms)
{
	p->recent += ago_ms < RECENT_MS;
	p->silence_ms += ago_ms < 0           ? 0
			 : ago_ms < RECENT_MS ? ago_ms
					      : RECENT_MS;
}

/* Chats that change in a minute. A chat shows its last message only, so the
 * number of recent ones alone would miss those that hide behind them: their
 * rate is how many there are to the time all chats were silent since. */
static double
changed_per_minute(const struct patient *p)
{
	if (p->silence_ms == 0)
		return 0;
	return (double)p->chats * (double)p->recent * 60000 /
	       (double)p->silence_ms;
}

static void
chats_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct patient *p = ctx;
	size_t i;

	p->pages++;
	for (i = 0; i < a->n; i++) {
		const struct crm_record *r = &a->records[i];

		if (r->type == RECORD_MESSAGE)
			look_at_last(p, asked_ms - r->at);
		if (r->type != RECORD_CHAT)
			continue;
		p->chats++;
		p->unassigned += !r->assigned;
		if (r->opened_at != CLOCK_NONE &&
		    (p->oldest == CLOCK_NONE || r->opened_at < p->oldest))
			p->oldest = r->opened_at;
		if (p->sample == NULL)
			p->sample = value_ref(r->raw);
		if (p->customer == NULL && r->customer != NULL)
			p->customer = xstrdup(r->customer);
	}
}

static void
ask(struct patient *p, enum profile_call call,
    void (*page)(void *, struct profile_answer *, int64_t),
    void (*end)(void *, const struct ending *))
{
	struct question q = { .call = call,
		.tries = TRIES,
		.impatient = true,
		.chat = p->sample,
		.customer = p->customer,
		.ctx = p,
		.page = page,
		.end = end };

	fetch_ask(p->fetch, &q);
}

static void
chats_end(void *ctx, const struct ending *e)
{
	struct patient *p = ctx;
	struct buf *detail = &p->findings[STEP_CHATS].detail;
	char text[CLOCK_TEXT];

	look_at_address(p, e);
	if (e->fault != FAULT_NONE) {
		bad(p, STEP_CHATS, e);
		return;
	}
	found(p, STEP_CHATS, true);
	buf_setf(detail, "%llu open, %llu of them held by nobody",
	    (unsigned long long)p->chats, (unsigned long long)p->unassigned);
	if (p->oldest != CLOCK_NONE) {
		clock_format(p->oldest, text);
		buf_addf(detail, ", the oldest thread from %.10s", text);
	}
	if (p->sample != NULL)
		ask(p, PROFILE_MESSAGES, messages_page, messages_end);
	if (p->customer != NULL && p->tenant->customers)
		ask(p, PROFILE_CUSTOMER, customer_page, customer_end);
}

static void
look_at_clock(struct patient *p)
{
	struct buf *detail = &p->findings[STEP_CLOCK].detail;
	double s = (double)p->skew.offset_ms / 1000;

	if (!p->skew.known)
		return;
	found(p, STEP_CLOCK, true);
	if (p->skew.offset_ms == 0)
		buf_setf(detail, "the CRM's and ours agree");
	else
		buf_setf(detail, "the CRM's is %.1f s %s; that is corrected",
		    s < 0 ? -s : s, s < 0 ? "behind" : "ahead");
}

static void
look_at_state(struct patient *p, const char *dir)
{
	struct finding *f = &p->findings[STEP_STATE];
	char *path =
	    dir != NULL ? xasprintf("%s/%s.mdb", dir, p->tenant->name) : NULL;
	struct buf why = BUF_INIT;
	enum exit_code code;

	p->used = -1;
	if (dir == NULL) {
		buf_setf(&f->detail, "none: every poll reads everything; set "
				     "[poller] state");
	} else if (access(path, F_OK) != 0) {
		buf_setf(&f->detail, "'%s': nothing kept yet", dir);
	} else {
		p->store =
		    store_open(dir, p->tenant->name, STORE_SHARED, &code, &why);
		found(p, STEP_STATE, p->store != NULL);
		if (p->store != NULL)
			buf_setf(&f->detail, "'%s'", path);
		else
			buf_setf(&f->detail, "%s", buf_str(&why));
		if (p->store == NULL && p->code == PROG_OK)
			p->code = code;
	}
	buf_release(&why);
	free(path);
}

/* A crontab's line from the configuration. */
static int
read_schedule(struct patient *p, const char *key, struct cron_expr *c)
{
	struct finding *f = &p->findings[STEP_CALLS];
	struct buf why = BUF_INIT;
	int rc = cron_expr_parse(c, conf_text(p->conf, "poller", key), &why);

	if (rc != 0) {
		found(p, STEP_CALLS, false);
		buf_setf(&f->detail, "[poller] %s: %s", key, buf_str(&why));
		if (p->code == PROG_OK)
			p->code = PROG_CONFIG;
	}
	buf_release(&why);
	return rc;
}

static void
describe_forecast(struct patient *p)
{
	const struct forecast *f = &p->forecast;
	struct buf *d = &p->findings[STEP_CALLS].detail;
	double all = f->polls + f->reaper;
	int64_t budget = p->tenant->budget;

	buf_setf(d,
	    "%.0f in %d days: %u polls cost %.0f, %u runs of the "
	    "reaper %.0f; %s",
	    all, FORECAST_DAYS, f->poll_runs, f->polls, f->reaper_runs,
	    f->reaper,
	    f->measured ? "by what they cost in the last two weeks"
			: "guessed from what the list shows");
	if (budget > 0)
		buf_addf(d, "; %.0f %% of [%s] budget",
		    all * 100 / (double)budget, p->tenant->section);
	if (p->used >= 0)
		buf_addf(d, "; %lld used this month", (long long)p->used);
	found(p, STEP_CALLS, budget == 0 || all <= (double)budget);
	if (p->findings[STEP_CALLS].result == BAD) {
		buf_addf(d, "; poll less often, or raise it");
		if (p->code == PROG_OK)
			p->code = PROG_CONFIG;
	}
}

static void
look_at_calls(struct patient *p)
{
	struct usage polls[24], runs[24];
	struct cron_expr schedule, reaper;
	struct forecast_input in = { .schedule = &schedule,
		.reaper = &reaper,
		.now_ms = skew_apply(&p->skew, clock_now_ms()),
		.pages = (double)p->pages,
		.operator_pages = (double)p->operator_pages,
		.operators_every_ms = p->tenant->operators_every_ms,
		.changed_per_minute = changed_per_minute(p) };

	if (read_schedule(p, "schedule", &schedule) != 0 ||
	    read_schedule(p, "reaper_schedule", &reaper) != 0 ||
	    p->findings[STEP_CHATS].result != GOOD)
		return;
	if (p->store != NULL) {
		usage_hours(p->store, USAGE_POLL, polls);
		usage_hours(p->store, USAGE_STATUS, runs);
		in.polls = polls;
		in.runs = runs;
		p->used = (int64_t)usage_month(p->store, in.now_ms);
	}
	forecast_compute(&in, &p->forecast);
	describe_forecast(p);
}

/* The doctor's calls are paid for like all others. */
static void
count_calls(struct patient *p)
{
	struct buf why = BUF_INIT;

	if (p->store != NULL) {
		usage_add_month(p->store, USAGE_STATUS,
		    skew_apply(&p->skew, clock_now_ms()),
		    usage_calls(fetch_calls(p->fetch)));
		if (store_commit(p->store, &why) != PROG_OK)
			log_warn(
			    "tenant %s: %s", p->tenant->name, buf_str(&why));
	}
	buf_release(&why);
}

static void
begin(struct patient *p, struct http *http, struct poller *poller,
    const struct tenant *t)
{
	p->tenant = t;
	p->conf = poller->conf;
	p->oldest = CLOCK_NONE;
	p->fetch = fetch_new(http, t, &p->skew);
	found(p, STEP_PROFILE, true);
	buf_setf(&p->findings[STEP_PROFILE].detail, "%s",
	    conf_text(p->conf, t->section, "profile"));
	look_at_state(p, poller_state(poller));
	ask(p, PROFILE_CHECK, token_page, token_end);
	ask(p, PROFILE_OPERATORS, operators_page, operators_end);
	p->lists = (struct chat_lists){ .fetch = p->fetch,
		.profile = t->profile,
		.crew = &p->crew,
		.by_operator = profile_about(t->profile)->by_operator,
		.like = { .tries = TRIES,
		    .impatient = true,
		    .ctx = p,
		    .page = chats_page,
		    .end = chats_end } };
	if (!p->lists.by_operator)
		chat_lists_ask(&p->lists);
}

static void
release(struct patient *p)
{
	size_t i;

	for (i = 0; i < STEPS; i++)
		buf_release(&p->findings[i].detail);
	fetch_free(p->fetch);
	store_close(p->store);
	crew_release(&p->crew);
	value_unref(p->sample);
	free(p->customer);
}

static const char *
result_name(const struct finding *f)
{
	static const char *const names[] = { "-", "ok", "failed" };

	return names[f->result];
}

static int64_t
rounded(double n)
{
	return (int64_t)(n + 0.5);
}

static void
show_ndjson(const struct patient *p, struct buf *out)
{
	const struct forecast *f = &p->forecast;
	size_t i;

	for (i = 0; i < STEPS; i++) {
		jsonw_open(out);
		jsonw_str(out, "type", "check");
		jsonw_str(out, "tenant", p->tenant->name);
		jsonw_str(out, "check", step_names[i]);
		jsonw_str(out, "result", result_name(&p->findings[i]));
		jsonw_str(out, "detail", buf_str(&p->findings[i].detail));
		if (i == STEP_CALLS && p->findings[i].result != UNKNOWN) {
			jsonw_bool(out, "measured", f->measured);
			jsonw_int(out, "days", FORECAST_DAYS);
			jsonw_int(out, "polls", f->poll_runs);
			jsonw_int(out, "poll_calls", rounded(f->polls));
			jsonw_int(out, "reaper_runs", f->reaper_runs);
			jsonw_int(out, "reaper_calls", rounded(f->reaper));
			jsonw_int(out, "calls", rounded(f->polls + f->reaper));
			jsonw_int(out, "calls_today", rounded(f->today));
			jsonw_int(out, "budget", p->tenant->budget);
		}
		if (i == STEP_CALLS && p->used >= 0)
			jsonw_int(out, "used_this_month", p->used);
		jsonw_line(out);
	}
}

static void
show(const struct patient *patients, size_t n, enum out_format format)
{
	static const struct out_column columns[] = { { "TENANT", false },
		{ "CHECK", false }, { "RESULT", false }, { "DETAIL", false } };
	struct out_table table;
	struct buf out = BUF_INIT;
	size_t i, s;

	format = out_format_resolve(format);
	out_table_init(&table, columns, ARRAY_LEN(columns));
	for (i = 0; i < n; i++) {
		const struct patient *p = &patients[i];

		if (format == OUT_NDJSON) {
			show_ndjson(p, &out);
			continue;
		}
		for (s = 0; s < STEPS; s++) {
			out_table_cell(&table, p->tenant->name);
			out_table_cell(&table, step_names[s]);
			out_table_cell(&table, result_name(&p->findings[s]));
			out_table_cell(&table, buf_str(&p->findings[s].detail));
		}
	}
	if (format != OUT_NDJSON)
		out_table_show(&table, format, &out);
	(void)fwrite(buf_str(&out), 1, out.len, stdout);
	out_table_release(&table);
	buf_release(&out);
}

static void
examine_all(struct poller *poller, struct patient *patients, struct http *http)
{
	struct fetch **all = xcalloc(poller->tenants_n + 1, sizeof *all);
	size_t i;

	for (i = 0; i < poller->tenants_n; i++) {
		begin(&patients[i], http, poller, &poller->tenants[i]);
		all[i] = patients[i].fetch;
	}
	while (fetch_turn(http, all, poller->tenants_n) > 0 && !stop_asked())
		;
	free(all);
}

enum exit_code
poller_check(struct poller *poller)
{
	struct patient *patients =
	    xcalloc(poller->tenants_n + 1, sizeof *patients);
	struct http *http = http_new();
	size_t i;

	examine_all(poller, patients, http);
	for (i = 0; i < poller->tenants_n; i++) {
		look_at_clock(&patients[i]);
		look_at_calls(&patients[i]);
		count_calls(&patients[i]);
		poller_failed(poller, patients[i].code);
	}
	show(patients, poller->tenants_n, poller->format);
	for (i = 0; i < poller->tenants_n; i++)
		release(&patients[i]);
	free(patients);
	http_free(http);
	if (fflush(stdout) != 0 && errno != EPIPE) {
		log_error("cannot write the result: %s", log_errno(errno));
		poller_failed(poller, PROG_IO);
	}
	return poller->code;
}
