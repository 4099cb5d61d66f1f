/*
 * check: poller --check, the self-check. Sends each kind of question to every
 * tenant's CRM once and shows what works, what the token can see, and how many
 * calls a month will cost.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/hours/terms_words.h"
#include "common/json/jsonw.h"
#include "common/os/stop.h"
#include "poller/chats/operators.h"
#include "poller/chats/pull.h"
#include "poller/crm/crm_session.h"
#include "poller/crm/fetch.h"
#include "poller/crm/quota.h"
#include "poller/crm/store.h"
#include "poller/modes/modes.h"

/* ---- one tenant: a finding for each step ---- */

enum check_step {
	STEP_PROFILE,
	STEP_ADDRESS,
	STEP_TOKEN,
	STEP_CLOCK,
	STEP_OPERATORS,
	STEP_CHATS,
	STEP_MESSAGES,
	STEP_CUSTOMER,
	STEP_ASSIGNING,
	STEP_STATE,
	STEP_CALLS,
	STEPS
};

struct finding {
	enum { UNKNOWN, GOOD, ADVICE, BAD } result;
	struct buf detail;
};

/* Calls per month. */
struct tenant_cost {
	bool state; /* polls have a state, where calls are counted */
	bool measured;
	int64_t used, expected;
	unsigned interval, apart; /* in minutes, see quota.h */
	unsigned now;             /* the interval that polls use now */
};

struct tenant_check {
	struct crm_session crm; /* has the code of the first failure */
	const struct conf *conf;
	struct finding findings[STEPS];
	uint64_t operators, available, bots, operator_pages;
	uint64_t chats, unassigned, pages, recent, messages;
	int64_t silence_ms; /* see changed_per_minute() */
	struct strmap seen; /* chats: pages may repeat one */
	struct operators directory;
	struct chat_lists lists;
	json_t *sample; /* a chat whose messages are read */
	char *customer;
	struct tenant_cost cost;
};

#define TRIES 2

/* Only last messages younger than this count for the rate of changes. */
#define RECENT_MS (10 * MINUTE_MS)

static const char *const tenant_check_names[STEPS] = { "profile", "address",
	"token", "clock", "operators", "chats", "messages", "customer",
	"assigning", "state", "calls" };

static void
set_finding(struct tenant_check *p, enum check_step s, bool good)
{
	p->findings[s].result = good ? GOOD : BAD;
}

static void
set_failed_finding(
    struct tenant_check *p, enum check_step s, const struct ending *e)
{
	struct buf way = BUF_INIT;

	failure_way_out(p->crm.tenant, e->error, &way);
	set_finding(p, s, false);
	buf_setf(&p->findings[s].detail, "%s; %s", e->message, buf_str(&way));
	if (p->crm.code == PROG_OK)
		p->crm.code = failure_code(e->error, FAILURE_TENANT);
	buf_release(&way);
}

/* Called at the end of a question about a step. Returns the finding to describe
 * if it is good; NULL if it failed, which is recorded, or if the profile has no
 * request for it. */
static struct buf *
end_step(struct tenant_check *p, enum check_step s, const struct ending *e)
{
	if (e->error != ERROR_CLASS_NONE)
		set_failed_finding(p, s, e);
	else if (e->asked)
		set_finding(p, s, true);
	return e->error == ERROR_CLASS_NONE && e->asked ? &p->findings[s].detail
							: NULL;
}

/* Any answer, even a refusal, shows that the address is right. */
static void
check_address(struct tenant_check *p, const struct ending *e)
{
	struct finding *f = &p->findings[STEP_ADDRESS];
	bool tls = strncmp(p->crm.tenant->base, "https", 5) == 0;

	if (e->error == ERROR_CLASS_NONE && !e->asked)
		return; /* the profile has no request */
	if (e->error == ERROR_CLASS_LATER && f->result == UNKNOWN) {
		set_failed_finding(p, STEP_ADDRESS, e);
	} else if (e->error == ERROR_CLASS_NONE ||
		   e->error == ERROR_CLASS_DENIED ||
		   e->error == ERROR_CLASS_QUOTA) {
		set_finding(p, STEP_ADDRESS, true);
		buf_setf(&f->detail, "%s, %s", p->crm.tenant->base,
		    tls ? "TLS verified" : "without TLS");
	}
}

static void
token_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct tenant_check *p = ctx;

	(void)asked_ms;
	if (a->message.len > 0)
		buf_setf(&p->findings[STEP_TOKEN].detail, "%s",
		    buf_str(&a->message));
}

static void
token_end(void *ctx, const struct ending *e)
{
	struct tenant_check *p = ctx;
	struct buf *detail;

	check_address(p, e);
	detail = end_step(p, STEP_TOKEN, e);
	if (detail != NULL && detail->len == 0)
		buf_setf(detail, "%s", p->crm.tenant->token_source);
}

static void
checked_operators_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct tenant_check *p = ctx;
	size_t i;

	p->operator_pages++;
	for (i = 0; i < a->n; i++) {
		if (a->records[i].type != RECORD_OPERATOR)
			continue;
		(void)operators_add(&p->directory, &a->records[i], asked_ms);
		if (operators_is_bot(&p->directory, a->records[i].id)) {
			p->bots++;
			continue;
		}
		p->operators++;
		p->available += a->records[i].available;
	}
}

/* Even a list that ends too early contains operators. */
static void
checked_operators_end(void *ctx, const struct ending *ending)
{
	struct tenant_check *p = ctx;
	struct ending e = *ending;
	struct buf *detail;

	check_address(p, ending);
	if (e.error == ERROR_CLASS_SHORT &&
	    json_object_size(p->directory.rows) > 0)
		e.error = ERROR_CLASS_NONE;
	detail = end_step(p, STEP_OPERATORS, &e);
	if (detail != NULL) {
		buf_setf(detail, "%llu operators, %llu of them available",
		    (unsigned long long)p->operators,
		    (unsigned long long)p->available);
		if (p->bots > 0)
			buf_addf(detail, "; bots: %llu",
			    (unsigned long long)p->bots);
	}
	if (e.error == ERROR_CLASS_NONE &&
	    fetch_lists_by_operator(p->crm.fetch))
		chat_lists_ask(&p->lists);
}

static void
checked_messages_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct tenant_check *p = ctx;

	(void)asked_ms;
	p->messages += a->n;
}

static void
checked_messages_end(void *ctx, const struct ending *e)
{
	struct tenant_check *p = ctx;
	struct buf *detail = end_step(p, STEP_MESSAGES, e);

	if (detail != NULL)
		buf_setf(detail, "%llu messages in one chat",
		    (unsigned long long)p->messages);
}

static void
checked_customer_end(void *ctx, const struct ending *e)
{
	struct buf *detail = end_step(ctx, STEP_CUSTOMER, e);

	if (detail != NULL)
		buf_setf(detail, "works");
}

static void
assigning_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct tenant_check *p = ctx;
	struct buf *detail = &p->findings[STEP_ASSIGNING].detail;

	(void)asked_ms;
	if (a->message.len > 0)
		buf_addf(detail, "%s%s", detail->len > 0 ? "; " : "",
		    buf_str(&a->message));
}

static void
assigning_end(void *ctx, const struct ending *e)
{
	struct tenant_check *p = ctx;
	struct buf *detail = end_step(p, STEP_ASSIGNING, e);

	if (detail == NULL)
		return;
	if (detail->len > 0)
		p->findings[STEP_ASSIGNING].result = ADVICE;
	else
		buf_setf(detail, "the CRM does not assign chats itself");
}

/* Counts the last message of a chat by its age. */
static void
count_last_message(struct tenant_check *p, int64_t ago_ms)
{
	p->recent += ago_ms < RECENT_MS;
	p->silence_ms += ago_ms < 0           ? 0
			 : ago_ms < RECENT_MS ? ago_ms
					      : RECENT_MS;
}

/* Estimates how many chats change in a minute; each costs a poll one call,
 * regardless of the number of messages. A chat shows only its last message, so
 * counting recent ones would miss those before it. The rate of messages in a
 * chat is the number of recent last messages, divided by the total time for
 * which chats have been silent. */
static double
changed_per_minute(const struct tenant_check *p)
{
	double rate;

	if (p->silence_ms == 0)
		return (double)p->recent;
	rate = (double)p->recent * MINUTE_MS / (double)p->silence_ms;
	return (double)p->chats * (1 - exp(-rate));
}

static bool
was_seen(struct tenant_check *p, const char *chat)
{
	void **slot = strmap_put(&p->seen, chat, strlen(chat));
	bool before = *slot != NULL;

	*slot = p;
	return before;
}

static void
checked_chats_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct tenant_check *p = ctx;
	size_t i;

	p->pages++;
	for (i = 0; i < a->n; i++) {
		const struct crm_record *r = &a->records[i];

		if (r->type == RECORD_MESSAGE)
			count_last_message(p, asked_ms - r->at);
		if (r->type != RECORD_CHAT || r->status == CHAT_CLOSED ||
		    was_seen(p, r->id))
			continue;
		p->chats++;
		p->unassigned += r->operator_id == NULL;
		if (p->sample == NULL)
			p->sample = json_incref(r->raw);
		if (p->customer == NULL && r->customer != NULL)
			p->customer = xstrdup(r->customer);
	}
}

static void
ask_once(struct tenant_check *p, enum profile_call call,
    void (*page)(void *, struct profile_answer *, int64_t),
    void (*end)(void *, const struct ending *))
{
	struct crm_question q = { .call = call,
		.tries = TRIES,
		.at_once = true,
		.with = json_pack(
		    "{s:O?, s:s?}", "chat", p->sample, "customer", p->customer),
		.ctx = p,
		.page = page,
		.end = end };

	fetch_ask(p->crm.fetch, &q);
}

static void
checked_chats_end(void *ctx, const struct ending *e)
{
	struct tenant_check *p = ctx;
	struct buf *detail = &p->findings[STEP_CHATS].detail;

	check_address(p, e);
	if (e->error != ERROR_CLASS_NONE) {
		set_failed_finding(p, STEP_CHATS, e);
		return;
	}
	if (p->pages == 0)
		return; /* the profile has no request */
	set_finding(p, STEP_CHATS, true);
	buf_setf(detail, "%llu open, %llu of them unassigned",
	    (unsigned long long)p->chats, (unsigned long long)p->unassigned);
	if (p->sample != NULL)
		ask_once(p, PROFILE_MESSAGES, checked_messages_page,
		    checked_messages_end);
	if (p->customer != NULL && p->crm.tenant->customers)
		ask_once(p, PROFILE_CUSTOMER, NULL, checked_customer_end);
}

/* A CRM's clock that is behind by more is wrong, or ours is. */
#define CLOCK_BEHIND_MS MINUTE_MS

static void
check_clock_skew(struct tenant_check *p)
{
	struct buf *detail = &p->findings[STEP_CLOCK].detail;
	double s = (double)p->crm.skew.offset_ms / 1000;

	if (!p->crm.skew.known)
		return;
	if (p->crm.skew.offset_ms == 0) {
		set_finding(p, STEP_CLOCK, true);
		buf_setf(detail, "same as ours");
		return;
	}
	buf_setf(detail, "the CRM's is %.1f s %s; ", s < 0 ? -s : s,
	    s < 0 ? "behind" : "ahead");
	if (p->crm.skew.offset_ms > conf_int(p->conf, "aggregator", "ahead")) {
		set_finding(p, STEP_CLOCK, false);
		if (p->crm.code == PROG_OK)
			p->crm.code = PROG_CONFIG;
		buf_adds(detail, "the aggregator rejects snapshots that are "
				 "more than [aggregator] ahead of its clock; "
				 "correct this machine's clock or the CRM's");
	} else if (-p->crm.skew.offset_ms > CLOCK_BEHIND_MS) {
		p->findings[STEP_CLOCK].result = ADVICE;
		buf_adds(detail, "figures and webhooks are late by that; "
				 "correct this machine's clock or the CRM's");
	} else {
		set_finding(p, STEP_CLOCK, true);
		buf_adds(detail, "times follow the CRM's");
	}
}

/* Opens the state, if there is one. */
static struct store *
check_state(struct tenant_check *p, const struct tenant *t, const char *dir,
    enum exit_code *code)
{
	struct finding *f = &p->findings[STEP_STATE];
	struct store *store = NULL;
	struct buf why = BUF_INIT;

	p->cost.state = dir != NULL;
	if (dir == NULL) {
		buf_setf(&f->detail,
		    "none: each poll reads everything, and calls "
		    "are not counted; set [poller] state");
	} else if (!store_exists(dir, t->name)) {
		buf_setf(&f->detail, "'%s': nothing kept yet", dir);
	} else {
		store = store_open(dir, t->name, STORE_SHARED, code, &why);
		set_finding(p, STEP_STATE, store != NULL);
		if (store != NULL)
			buf_setf(&f->detail, "'%s/%s.mdb'", dir, t->name);
		else
			buf_setf(&f->detail, "%s", buf_str(&why));
	}
	buf_release(&why);
	return store;
}

/* A chat that leaves the list costs two more calls, for the chat and its last
 * messages. How often chats leave cannot be seen in one list, so this many
 * changes of a chat are assumed until it does. */
#define LAST_WORD_CALLS 2.0
#define CHANGES_PER_CHAT 10

/* Estimates the cost of polls from what the CRM shows now, as if an hour had
 * been measured: the lists, a call for each chat that changes, the last
 * messages of chats that leave, the names of customers once a day. Used until
 * an hour has been measured. Without a state each poll reads everything. */
static void
guess_measurement(const struct tenant_check *p, struct pace_month *m)
{
	const double minutes = PACE_MEASURED_MINUTES;
	double every = (double)p->crm.tenant->operators_every_ms / MINUTE_MS;
	double operators = (double)p->operator_pages;
	double chats = (double)p->chats;
	double pages = (double)p->pages;
	double apart =
	    (double)profile_about(p->crm.tenant->profile)->changes_ms /
	    MINUTE_MS;
	double customers =
	    p->customer != NULL && p->crm.tenant->customers ? chats : 0;
	double changes =
	    changed_per_minute(p) * (1 + LAST_WORD_CALLS / CHANGES_PER_CHAT) +
	    customers / ((double)DAY_MS / MINUTE_MS);

	if (!p->cost.state)
		changes = chats + customers;
	if (p->cost.state && every > 1)
		operators /= every;
	/* A poll requests changes, and occasionally everything. */
	if (p->cost.state && apart > 1)
		pages = 1 + pages / apart;
	m->since_ms = m->now_ms;
	m->polls = m->minutes = minutes;
	m->list = minutes * (pages + operators);
	m->changes = minutes * changes;
}

/* "18,300" */
static void
add_grouped(struct buf *to, int64_t n)
{
	if (n >= 1000) {
		add_grouped(to, n / 1000);
		buf_addf(to, ",%03d", (int)(n % 1000));
	} else {
		buf_addf(to, "%d", (int)n);
	}
}

/* Rounds to two or three digits, because more would suggest false precision. */
static int64_t
rounded(double n)
{
	int64_t unit = 1;

	while (n >= (double)(1000 * unit))
		unit *= 10;
	return (int64_t)(n / (double)unit + 0.5) * unit;
}

/* "1,204 calls this month, about 18,300 by its end, of a budget of 30,000:
 * polls every minute" */
static void
describe_calls(const struct tenant_check *p, struct buf *to)
{
	const struct tenant_cost *c = &p->cost;

	if (c->state) {
		add_grouped(to, c->used);
		buf_adds(to, " calls this month, ");
	}
	buf_adds(to, "about ");
	add_grouped(to, c->expected);
	buf_adds(to, c->state ? " by its end" : " by the end of the month");
	if (p->crm.tenant->budget > 0) {
		buf_adds(to, ", of a budget of ");
		add_grouped(to, p->crm.tenant->budget);
	}
	if (c->now < c->interval)
		buf_addf(to,
		    ": polls every minute in the first hour, then every %u "
		    "minutes",
		    c->apart);
	else if (c->apart > 1)
		buf_addf(to, ": polls every %u minutes", c->apart);
	else
		buf_adds(to, ": polls every minute");
	if (!c->state)
		buf_adds(to, ", and each reads everything; set [poller] state");
}

static void
check_calls(struct tenant_check *p)
{
	int64_t now = crm_session_now(&p->crm);
	struct pace_month month = usage_measure(p->crm.store, now);
	struct finding *f = &p->findings[STEP_CALLS];
	struct pace pace;

	if (p->findings[STEP_CHATS].result != GOOD)
		return;
	month.budget = p->crm.tenant->budget;
	p->cost.measured = pace_is_measured(&month);
	if (!p->cost.measured)
		guess_measurement(p, &month);
	pace = pace_compute(&month);
	p->cost.used = month.used;
	p->cost.expected = rounded(pace.expected);
	p->cost.interval = pace.interval;
	p->cost.now = p->cost.measured || !p->cost.state
			  ? pace.interval
			  : quota_interval(p->crm.tenant, p->crm.store, now);
	p->cost.apart = (unsigned)(pace.apart + 0.5);
	f->result = pace.interval > 1 || !p->cost.state ? ADVICE : GOOD;
	describe_calls(p, &f->detail);
}

/* Queues the questions; their answers come with fetch_turn(). state: the folder
 * that contains the state, or NULL. Pointers are borrowed until
 * tenant_check_release(). */
static void
tenant_check_begin(struct tenant_check *p, struct http *http,
    const struct conf *conf, const struct tenant *t, const char *state)
{
	struct store *store;
	enum exit_code code = PROG_OK;

	store = check_state(p, t, state, &code);
	crm_session_open(&p->crm, http, t, USAGE_STATUS, store);
	p->crm.code = code;
	p->conf = conf;
	operators_init(&p->directory, t->opt.bot_operators);
	set_finding(p, STEP_PROFILE, true);
	buf_setf(&p->findings[STEP_PROFILE].detail, "%s",
	    tenant_profile(p->conf, t->section));
	ask_once(p, PROFILE_CHECK, token_page, token_end);
	ask_once(p, PROFILE_OPERATORS, checked_operators_page,
	    checked_operators_end);
	if (t->opt.assign)
		ask_once(p, PROFILE_AUTO_ASSIGN, assigning_page, assigning_end);
	p->lists = (struct chat_lists){ .crm = &p->crm,
		.operators = &p->directory,
		.list_question = { .tries = TRIES,
		    .at_once = true,
		    .ctx = p,
		    .page = checked_chats_page,
		    .end = checked_chats_end } };
	if (!fetch_lists_by_operator(p->crm.fetch))
		chat_lists_ask(&p->lists);
}

/* A step that fails for the same reason as an earlier one, for example because
 * the CRM is unreachable, becomes unknown and refers to the earlier one. */
static void
drop_repeated_failures(struct tenant_check *p)
{
	struct finding *f = p->findings;
	size_t i, j;

	for (i = 1; i < STEPS; i++) {
		for (j = 0; j < i && f[i].result == BAD; j++) {
			if (f[j].result != BAD ||
			    strcmp(buf_str(&f[i].detail),
				buf_str(&f[j].detail)) != 0)
				continue;
			f[i].result = UNKNOWN;
			buf_setf(&f[i].detail, "see %s", tenant_check_names[j]);
		}
	}
}

/* Called after the last answer: sets the findings that depend on several
 * answers. */
static void
tenant_check_end(struct tenant_check *p)
{
	drop_repeated_failures(p);
	check_clock_skew(p);
	check_calls(p);
	crm_session_count(&p->crm); /* these calls count against the budget,
				     * too */
}

/* ---- all tenants ---- */

static const struct option_row rows[] = {
	OPTION_FORMAT(struct poller, format),
	POLLER_STATE("the state folder"),
	POLLER_TENANT,
};

static const char *
result_name(const struct finding *f)
{
	static const char *const names[] = { "-", "ok", "advice", "failed" };

	return names[f->result];
}

static void
add_cost(const struct tenant_check *p, struct buf *out)
{
	const struct tenant_cost *c = &p->cost;

	if (c->state)
		jsonw_int(out, "used", c->used);
	jsonw_int(out, "expected", c->expected);
	if (p->crm.tenant->budget > 0)
		jsonw_int(out, "budget", p->crm.tenant->budget);
	jsonw_int(out, "interval", c->now);
	jsonw_bool(out, "measured", c->measured);
}

static void
add_findings(const struct tenant_check *p, struct buf *out)
{
	size_t i;

	for (i = 0; i < STEPS; i++) {
		jsonw_open_record(out, "check", p->crm.tenant->name);
		jsonw_str(out, "check", tenant_check_names[i]);
		jsonw_str(out, "result", result_name(&p->findings[i]));
		jsonw_str(out, "detail", buf_str(&p->findings[i].detail));
		if (i == STEP_CALLS && p->findings[i].result != UNKNOWN)
			add_cost(p, out);
		jsonw_line(out);
	}
}

/* A record for each line about hours and targets. */
struct terms_records {
	const char *tenant;
	struct buf *out;
};

static void
add_terms_record(
    void *ctx, enum terms_finding finding, const char *about, const char *text)
{
	static const char *const results[] = {
		[TERMS_GOOD] = "ok",
		[TERMS_ADVICE] = "advice",
		[TERMS_WRONG] = "failed",
	};
	struct terms_records *r = ctx;

	jsonw_open_record(r->out, "check", r->tenant);
	jsonw_str(r->out, "check", about);
	jsonw_str(r->out, "result", results[finding]);
	jsonw_str(r->out, "detail", text);
	jsonw_line(r->out);
}

static void
add_terms(const struct terms_book *terms, const char *tenant, struct buf *out)
{
	struct terms_records r = { tenant, out };

	terms_tell(terms_of_tenant(terms, text_from(tenant)), clock_now_ms(),
	    add_terms_record, &r);
}

static void
show_findings(struct poller *poller, const struct tenant_check *checks,
    const struct terms_book *terms)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT },
		{ "check", OUTPUT_TEXT },
		{ "result", OUTPUT_TEXT },
		{ "detail", OUTPUT_TEXT },
	};
	struct buf records = BUF_INIT;
	size_t i;

	for (i = 0; i < poller->tenants_n; i++) {
		add_findings(&checks[i], &records);
		add_terms(terms, checks[i].crm.tenant->name, &records);
	}
	poller_print(poller, columns, ARRAY_LEN(columns), &records);
	buf_release(&records);
}

static void
tenant_check_release(struct tenant_check *p)
{
	size_t i;

	for (i = 0; i < STEPS; i++)
		buf_release(&p->findings[i].detail);
	crm_session_close(&p->crm);
	operators_release(&p->directory);
	strmap_release(&p->seen, NULL);
	json_decref(p->sample);
	free(p->customer);
}

static void
check_all(struct poller *poller, struct tenant_check *checks, struct http *http)
{
	struct fetch **all = xcalloc(poller->tenants_n + 1, sizeof *all);
	size_t i;

	for (i = 0; i < poller->tenants_n; i++) {
		tenant_check_begin(&checks[i], http, poller->common.conf,
		    &poller->tenants[i], poller_state(poller));
		all[i] = checks[i].crm.fetch;
	}
	while (fetch_turn(http, all, poller->tenants_n, INT64_MAX) > 0 &&
	       !stop_asked())
		;
	free(all);
}

static enum exit_code
check_tenants(struct poller *poller, const struct terms_book *terms)
{
	struct tenant_check *checks =
	    xcalloc(poller->tenants_n + 1, sizeof *checks);
	struct http *http = http_new();
	size_t i;

	check_all(poller, checks, http);
	for (i = 0; i < poller->tenants_n; i++) {
		tenant_check_end(&checks[i]);
		poller_failed(poller, checks[i].crm.code);
	}
	show_findings(poller, checks, terms);
	for (i = 0; i < poller->tenants_n; i++)
		tenant_check_release(&checks[i]);
	free(checks);
	http_free(http);
	return poller->code;
}

static enum exit_code
run_check_mode(void *options)
{
	struct poller *p = options;
	struct buf why = BUF_INIT;
	struct terms_book *terms =
	    terms_load(p->common.conf, hours_read_if_possible, NULL, &why);
	enum exit_code code = PROG_CONFIG;

	if (terms == NULL)
		log_error("%s", buf_str(&why));
	else if (poller_open(p, true) && p->tenants_n > 0)
		code = check_tenants(p, terms);
	else
		code = p->code;
	terms_free(terms);
	buf_release(&why);
	return code;
}

const struct option_mode poller_mode_check = {
	.choice = OPTION_MODE("check", "check access, and what polls cost"),
	.about = "Checks address, token, permissions and profile; shows what "
		 "the token can\nread and how many calls polls need per "
		 "month.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_check_mode,
};
