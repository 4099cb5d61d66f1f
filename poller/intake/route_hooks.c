/*
 * route_hooks: webhooks from CRMs, POST /hooks/TENANT/SOURCE. If the CRM does
 * not sign its deliveries, a secret follows as the last part of the path.
 *
 * No body is parsed before its delivery is authenticated. The tenant's work
 * queue then parses it in its own thread, because that may take a second. A
 * wrong secret, a bad signature and an unknown tenant get the same answer after
 * the same time.
 *
 * Authentic JSON is answered with 200 even if the profile cannot read it;
 * otherwise the CRM would resend it repeatedly, and then disable the webhook. A
 * delivery for another account than [crm] account is refused with 403.
 * Unreadable deliveries become dead letters. Most repeated deliveries do no
 * harm, because their records have the ids and times of the payload. An event
 * without a time is remembered by the name that its profile assigns, and
 * repetitions get the time of the first delivery.
 */
#include <stdatomic.h>

#include "common/base/log.h"
#include "common/http/web.h"
#include "common/json/jsonw.h"
#include "common/stage/deadletter.h"
#include "poller/intake/hook_coverage.h"
#include "poller/intake/route.h"

/* Returns the webhook of the path, or NULL. */
static const struct hook *
addressee(const struct listener_context *in, const struct web_request *r)
{
	size_t tenant_len, source_len;
	const char *tenant = path_pattern_part(r->path, 1, &tenant_len);
	const char *source = path_pattern_part(r->path, 2, &source_len);

	return hook_find(in->hooks, tenant, tenant_len, source, source_len);
}

/* Anybody can cause refusals, and a CRM many dead letters, so only some are
 * logged. */
#define LOG_MS (INT64_C(10) * 1000)
static atomic_llong letter_due, refusal_due;

/* Adds a dead letter. The log gets only the kind of fault, because the reason
 * may quote the body. */
static void
keep_dead_letter(const struct hook *h, const struct web_request *r,
    const char *fault, const char *why, struct web_answer *a)
{
	struct buf where = BUF_INIT, letter = BUF_INIT;

	buf_addf(&where, "webhook %s/%s", h->tenant, h->source);
	deadletter_write(&letter, buf_str(&where), r->body, r->len, why);
	buf_add(&a->records, letter.data, letter.len);
	buf_addc(&a->records, '\n');
	a->dead_n++;
	if (log_is_due(&letter_due, LOG_MS))
		log_warn("a webhook for %s/%s was not understood: %s; it is a "
			 "dead letter with its reason",
		    h->tenant, h->source, fault);
	buf_release(&where);
	buf_release(&letter);
}

/* Informs the sender and the log about the delivery's account. */
static void
refuse_account(const struct hook *h, const char *why, struct web_answer *a)
{
	struct buf detail = BUF_INIT;

	if (log_is_due(&refusal_due, LOG_MS))
		log_warn("a webhook for %s/%s was refused: %s; see account of "
			 "[crm %s]",
		    h->tenant, h->source, why, h->tenant);
	buf_addf(&detail, "the webhook was refused: %s", why);
	route_detail(a, 403, buf_str(&detail));
	buf_release(&detail);
}

static int
route_hook_take(const struct listener_context *in, const struct hook *h,
    const struct web_request *r, struct web_answer *a)
{
	static const char *const faults[] = {
		[HOOK_PARTLY] = "a part of the webhook is unreadable",
		[HOOK_UNKNOWN] = "the profile does not know the event",
		[HOOK_UNREAD] = "the profile cannot read the webhook",
		[HOOK_NO_JSON] = NULL,
	};
	struct buf why = BUF_INIT;
	enum hook_outcome o = hook_read(h, r, in->keys, a, &why);
	int status = 200;

	if (o == HOOK_RECORDS)
		hook_coverage_note(in->coverage, h->tenant);
	if (faults[o] != NULL) {
		keep_dead_letter(h, r, faults[o], buf_str(&why), a);
	} else if (o == HOOK_FOREIGN) {
		refuse_account(h, buf_str(&why), a);
		status = 403;
	} else if (o == HOOK_NO_JSON) {
		status = 400;
	}
	buf_release(&why);
	return status;
}

static void
refuse_delivery(const struct hook *h, const struct web_request *r,
    enum signature_verdict verdict, struct web_answer *a)
{
	if (log_is_due(&refusal_due, LOG_MS))
		log_warn("a webhook from %s for %s was refused: its signature "
			 "or secret is %s",
		    r->from, h != NULL ? h->tenant : "an unknown tenant",
		    signature_verdict_name(verdict));
	route_detail(a, 401, "Unauthorized");
}

/* Runs in the thread of the tenant's work queue. */
static void
read_hook(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct listener_context *in = context;
	const struct hook *h = addressee(in, r);

	switch (route_hook_take(in, h, r, a)) {
	case 200:
		jsonw_object_of(&a->body, "status", "ok");
		break;
	case 400:
		route_detail(a, 400, "Invalid JSON");
		break;
	}
}

void
route_hook(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	enum signature_verdict verdict = SIGNATURE_WRONG;
	const struct hook *h = addressee(in, r);
	size_t len;
	const char *secret = path_pattern_part(r->path, 3, &len);

	if (hook_authenticate(h, r, len > 0 ? secret : NULL, len, &verdict)) {
		a->queue = h->queue;
		a->later = read_hook;
	} else {
		refuse_delivery(h, r, verdict, a);
	}
}

/*
 * route_originals: POST /webhook and POST /resolve from the custom agent
 * allocation for Qiscus, which this program replaces: a room without an agent,
 * and a resolved room. Their paths have no tenant and no secret, so they serve
 * only [listen] tenant, only if its profile says so (originals), and only
 * trusted addresses.
 *
 * Answers are those of the original service, with the exceptions in
 * messaging-listen(7).
 */

/* Runs in the thread of the tenant's work queue. */
static void
take_original(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct listener_context *in = context;
	int status = route_hook_take(in, hook_of(in->hooks, in->tenant), r, a);

	if (status == 200) {
		jsonw_object_of(
		    &a->body, "message", "Webhook received successfully");
	} else if (status == 400) {
		a->status = 400;
		jsonw_object_of(&a->body, "error", "Invalid payload");
	}
}

void
route_original(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	const struct hook *h =
	    in->tenant != NULL ? hook_of(in->hooks, in->tenant) : NULL;

	if (h == NULL || !h->original) {
		route_detail(a, 404, "Not Found");
	} else if (route_is_trusted(in, r, 404, a)) {
		a->queue = h->queue;
		a->later = take_original;
	}
}
