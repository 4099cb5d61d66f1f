/*
 * hook: authenticates and reads deliveries of webhooks; see hook.h. hook_open.c
 * opens the webhooks.
 */
#include "poller/hooks/hook_impl.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/text/jsonw.h"

/* At most one warning about each result in that time. */
#define LOG_MS (INT64_C(10) * 1000)

size_t
hooks_failed(const struct hooks *all)
{
	return all->failed;
}

static bool
same_name(const char *name, const char *p, size_t len)
{
	return strlen(name) == len && memcmp(name, p, len) == 0;
}

const struct hook *
hook_find(const struct hooks *all, const char *tenant, size_t tenant_len,
    const char *source, size_t source_len)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (!all->all[i].closed &&
		    same_name(all->all[i].tenant, tenant, tenant_len) &&
		    same_name(all->all[i].source, source, source_len))
			return &all->all[i];
	}
	return NULL;
}

const struct hook *
hook_of(const struct hooks *all, const char *tenant)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (strcmp(all->all[i].tenant, tenant) == 0)
			return &all->all[i];
	}
	return NULL;
}

const char *
hook_tenant(const struct hook *h)
{
	return h->tenant;
}

struct work_queue *
hook_queue(const struct hook *h)
{
	return h->queue;
}

const char *
hook_source(const struct hook *h)
{
	return h->source;
}

static enum signature_verdict
check_signature(const struct hook *h, const struct hook_delivery *d)
{
	const struct signature_scheme *s = &h->scheme;
	struct signature_claim c = {
		.body = d->body, .len = d->len, .now_ms = d->now_ms
	};

	c.signature = d->header(d->ctx, s->header);
	if (s->timestamp != NULL)
		c.timestamp = d->header(d->ctx, s->timestamp);
	return signature_check(s, h->key, &c);
}

bool
hook_authenticate(const struct hook *h, const struct hook_delivery *d,
    enum signature_verdict *verdict)
{
	if (h == NULL || (!h->signs && d->secret == NULL))
		*verdict = SIGNATURE_MISSING;
	else if (h->signs)
		*verdict = check_signature(h, d);
	else if (signature_same_secret(h->key, d->secret, d->secret_len))
		*verdict = SIGNATURE_GOOD;
	else
		*verdict = SIGNATURE_WRONG;
	return *verdict == SIGNATURE_GOOD;
}

unsigned
hook_count(struct hooks *all, enum hook_result what, int64_t now_ms)
{
	struct hook_count *t = &all->counts[what];
	unsigned n = 0;

	(void)pthread_mutex_lock(&all->counting);
	t->all++;
	t->since++;
	if (now_ms - t->logged_ms >= LOG_MS || now_ms < t->logged_ms) {
		n = t->since;
		t->since = 0;
		t->logged_ms = now_ms;
	}
	(void)pthread_mutex_unlock(&all->counting);
	return n;
}

/* Whose a chat is counts from the time of its record on. A closing that names
 * nobody is told as of the instant after it, so that it is theirs who had the
 * chat until then. */
static int64_t
chat_record_at(const struct crm_record *r, int64_t now_ms)
{
	int64_t at = r->at != CLOCK_NONE ? r->at : now_ms;

	return r->status == CHAT_CLOSED && r->operator_id == NULL &&
		       r->closed_at == at
		   ? at + 1
		   : at;
}

/* Appends a record of the stream, which is part of no snapshot. */
static void
add_hook_record(struct buf *out, const struct hook *h,
    const struct crm_record *r, int64_t now_ms)
{
	struct buf line = BUF_INIT;

	jsonw_open(&line);
	jsonw_str(&line, "type", record_types[r->type]);
	jsonw_str(&line, "tenant", h->tenant);
	jsonw_members(&line, r->body, strlen(r->body));
	if (r->type == RECORD_CHAT) {
		if (*r->person != '\0')
			jsonw_members(&line, r->person, strlen(r->person));
		if (r->opened_at != CLOCK_NONE)
			jsonw_time(&line, "opened_at", r->opened_at);
		if (r->closed_at != CLOCK_NONE)
			jsonw_time(&line, "closed_at", r->closed_at);
		jsonw_time(&line, "at", chat_record_at(r, now_ms));
	}
	if (r->type == RECORD_OPERATOR) {
		crm_record_add_available_at(&line, r, now_ms);
		/* Of two records of an operator the later one counts; one that
		 * only tells a name changes nothing that a list says. */
		if (r->has_available && r->at == CLOCK_NONE)
			jsonw_time(&line, "at",
			    r->available_at != CLOCK_NONE ? r->available_at
							  : now_ms);
	}
	jsonw_line(&line);
	buf_add(out, line.data, line.len);
	buf_release(&line);
}

/* The time of the signature, by which the delivery was authenticated. */
static int64_t
signed_ms(const struct hook *h, const struct hook_delivery *d)
{
	const char *text = h->signs && h->scheme.timestamp != NULL
			       ? d->header(d->ctx, h->scheme.timestamp)
			       : NULL;
	int64_t s;

	return text != NULL && parse_int(text, 0, INT64_MAX / 1000, &s) == 0
		   ? s * 1000
		   : CLOCK_NONE;
}

/* Has the profile read the payload. A repeat of an event without a time of its
 * own is read as if it came when the first one did, *now_ms. */
static int
ask_profile(const struct hook *h, const struct hook_delivery *d,
    const struct value *payload, struct profile_hook_answer *a, int64_t *now_ms,
    struct buf *why)
{
	struct profile_hook_input in = { .now_ms = d->now_ms,
		.signed_ms = signed_ms(h, d),
		.payload = payload,
		.header = d->header,
		.ctx = d->ctx };
	int rc = profile_hook_read(h->profile, &h->spec, &in, a, why);

	*now_ms = d->now_ms;
	if (rc == 0 && a->once != NULL && d->first != NULL)
		*now_ms = d->first(d->ctx, a->once);
	if (*now_ms != d->now_ms) {
		profile_hook_release(a);
		in.now_ms = *now_ms;
		rc = profile_hook_read(h->profile, &h->spec, &in, a, why);
	}
	return rc;
}

static enum hook_outcome
read_payload(const struct hook *h, const struct hook_delivery *d,
    const struct value *payload, struct buf *records, size_t *n,
    struct buf *why)
{
	struct profile_hook_answer a;
	enum hook_outcome o = HOOK_RECORDS;
	int64_t now_ms;
	size_t i;

	if (ask_profile(h, d, payload, &a, &now_ms, why) != 0) {
		o = HOOK_UNREAD;
	} else if (a.refused != NULL) {
		buf_setf(why, "%s", a.refused);
		o = HOOK_FOREIGN;
	} else if (a.unknown != NULL) {
		buf_setf(why, "unknown event '%s'", a.unknown);
		o = HOOK_UNKNOWN;
	} else if (a.bad > 0) {
		o = HOOK_PARTLY;
	}
	for (i = 0; i < a.n; i++) {
		if (a.records[i].type == RECORD_UNKNOWN)
			continue; /* a customer: no record of a stream */
		add_hook_record(records, h, &a.records[i], now_ms);
		++*n;
	}
	profile_hook_release(&a);
	return o;
}

enum hook_outcome
hook_read(const struct hook *h, const struct hook_delivery *d,
    struct buf *records, size_t *n, struct buf *why)
{
	enum hook_outcome o = HOOK_NO_JSON;
	struct value *payload;
	bool repaired = false;

	payload = value_parse(d->body, d->len, &repaired, why);
	if (payload != NULL)
		o = read_payload(h, d, payload, records, n, why);
	value_unref(payload);
	return o;
}
