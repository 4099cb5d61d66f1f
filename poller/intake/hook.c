/*
 * hook: opens the configured webhooks, and authenticates and reads their
 * deliveries; see hook.h.
 */
#include "poller/intake/hook.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/digest/hash.h"
#include "common/http/work_queue.h"
#include "common/json/jsonw.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile.h"
#include "poller/crm/tenant.h"

struct hooks {
	pthread_rwlock_t *lock; /* protects the list, not the webhooks */
	struct hook **all;
	size_t n, cap, failed;
	struct hook **replaced; /* used by hooks_refresh() only */
	size_t replaced_n, replaced_cap;
};

/* ---- deliveries ---- */

size_t
hooks_failed(const struct hooks *all)
{
	return all->failed;
}

const struct hook *
hook_find(const struct hooks *all, const char *tenant, size_t tenant_len,
    const char *source, size_t source_len)
{
	const struct text t = { tenant, tenant_len },
			  from = { source, source_len };
	const struct hook *found = NULL;
	size_t i;

	(void)pthread_rwlock_rdlock(all->lock);
	for (i = 0; i < all->n && found == NULL; i++) {
		const struct hook *h = all->all[i];

		if (!h->closed && text_is(t, h->tenant) &&
		    text_is(from, h->source))
			found = h;
	}
	(void)pthread_rwlock_unlock(all->lock);
	return found;
}

/* Returns the place of the tenant's webhook, or all->n. Call it with the lock
 * held, or in the thread that changes the list. */
static size_t
place_of(const struct hooks *all, const char *tenant)
{
	size_t i = 0;

	while (i < all->n && strcmp(all->all[i]->tenant, tenant) != 0)
		i++;
	return i;
}

const struct hook *
hook_of(const struct hooks *all, const char *tenant)
{
	const struct hook *found = NULL;
	size_t i;

	(void)pthread_rwlock_rdlock(all->lock);
	i = place_of(all, tenant);
	if (i < all->n)
		found = all->all[i];
	(void)pthread_rwlock_unlock(all->lock);
	return found;
}

static enum signature_verdict
check_signature(const struct hook *h, const struct web_request *r)
{
	const struct signature_scheme *s = &h->scheme;
	struct signature_claim c = {
		.body = r->body, .len = r->len, .now_ms = r->now_ms
	};

	c.signature = r->header(r, s->header);
	if (s->timestamp != NULL)
		c.timestamp = r->header(r, s->timestamp);
	return signature_check(s, h->key, &c);
}

bool
hook_authenticate(const struct hook *h, const struct web_request *r,
    const char *secret, size_t secret_len, enum signature_verdict *verdict)
{
	if (h == NULL || (!h->signs && secret == NULL))
		*verdict = SIGNATURE_MISSING;
	else if (h->signs)
		*verdict = check_signature(h, r);
	else if (signature_same_secret(h->key, secret, secret_len))
		*verdict = SIGNATURE_GOOD;
	else
		*verdict = SIGNATURE_WRONG;
	return *verdict == SIGNATURE_GOOD;
}

/* The time of a chat record. Its assignee counts from that time on. A closing
 * that names no operator is dated one millisecond later, so it is credited to
 * the previous assignee. */
static int64_t
chat_record_at(const struct crm_record *r, int64_t now_ms)
{
	int64_t at = r->at != CLOCK_NONE ? r->at : now_ms;

	return r->status == CHAT_CLOSED && r->operator_id == NULL &&
		       r->closed_at == at
		   ? at + 1
		   : at;
}

/* Appends a record of the stream, which belongs to no snapshot. */
static void
add_hook_record(struct buf *out, const struct hook *h,
    const struct crm_record *r, int64_t now_ms)
{
	struct buf line = BUF_INIT;

	jsonw_open_record(&line, record_types[r->type], h->tenant);
	if (r->type == RECORD_CHAT)
		crm_record_add_chat(&line, r, r->person, r->opened_at,
		    chat_record_at(r, now_ms));
	else
		jsonw_members(&line, r->body, strlen(r->body));
	if (r->type == RECORD_OPERATOR) {
		crm_record_add_available_at(&line, r, now_ms);
		/* Of two records of an operator the later one counts. A record
		 * with only a name must not replace a record from a list. */
		if (r->has_available && r->at == CLOCK_NONE)
			jsonw_time(&line, "at",
			    r->available_at != CLOCK_NONE ? r->available_at
							  : now_ms);
	}
	jsonw_line(&line);
	buf_add(out, line.data, line.len);
	buf_release(&line);
}

/* The time in the signature with which the delivery was authenticated. */
static int64_t
signed_ms(const struct hook *h, const struct web_request *r)
{
	const char *text = h->signs && h->scheme.timestamp != NULL
			       ? r->header(r, h->scheme.timestamp)
			       : NULL;
	int64_t s;

	return text != NULL && parse_int(text, 0, INT64_MAX / 1000, &s) == 0
		   ? s * 1000
		   : CLOCK_NONE;
}

/* Returns when the event with that name first arrived. One that cannot be
 * remembered counts as the first of its kind, because losing it would be
 * worse. */
static int64_t
first_time(const struct hook *h, const struct web_request *r,
    struct idempotency *keys, const char *once, struct buf *entry)
{
	struct idempotent first = { .at = r->now_ms };
	enum idempotency_verdict v = IDEMPOTENCY_NEW;
	struct buf kind = BUF_INIT;

	/* The source alone could be the name of another kind. */
	buf_addf(&kind, "webhook %s", h->source);
	if (strlen(once) <= IDEMPOTENCY_KEY_MAX)
		v = idempotency_first(
		    keys, h->tenant, buf_str(&kind), once, &first, entry);
	buf_release(&kind);
	return v == IDEMPOTENCY_AGAIN ? first.at : r->now_ms;
}

/* Lets the profile read the payload. A repeated event without its own time is
 * read as if it arrived at *now_ms, like the first one. */
static int
ask_profile(const struct hook *h, const struct web_request *r,
    struct idempotency *keys, json_t *payload, struct profile_answer *a,
    struct buf *entry, int64_t *now_ms, struct buf *why)
{
	int64_t at = signed_ms(h, r);
	int rc = profile_hook_read(h->profile, payload, r->now_ms, at, a, why);

	*now_ms = r->now_ms;
	if (rc == 0 && a->once != NULL)
		*now_ms = first_time(h, r, keys, a->once, entry);
	if (*now_ms != r->now_ms) {
		profile_answer_release(a);
		rc =
		    profile_hook_read(h->profile, payload, *now_ms, at, a, why);
	}
	return rc;
}

static enum hook_outcome
read_payload(const struct hook *h, const struct web_request *r,
    struct idempotency *keys, json_t *payload, struct web_answer *to,
    struct buf *why)
{
	struct profile_answer a;
	enum hook_outcome o = HOOK_RECORDS;
	int64_t now_ms;
	size_t i;

	if (ask_profile(h, r, keys, payload, &a, &to->note, &now_ms, why) !=
	    0) {
		o = HOOK_UNREAD;
	} else if (a.refused != NULL) {
		buf_setf(why, "%s", a.refused);
		o = HOOK_FOREIGN;
	} else if (a.unknown != NULL) {
		buf_setf(why, "unknown event '%s'", a.unknown);
		o = HOOK_UNKNOWN;
	} else if (a.odd > 0) {
		o = HOOK_PARTLY;
	}
	for (i = 0; i < a.n; i++) {
		if (a.records[i].type == RECORD_UNKNOWN)
			continue; /* a customer, which is not a record of a
				   * stream */
		add_hook_record(&to->records, h, &a.records[i], now_ms);
		to->records_n++;
	}
	profile_answer_release(&a);
	return o;
}

enum hook_outcome
hook_read(const struct hook *h, const struct web_request *r,
    struct idempotency *keys, struct web_answer *a, struct buf *why)
{
	enum hook_outcome o = HOOK_NO_JSON;
	json_t *payload;

	payload = json_read_repaired(r->body, r->len, why);
	if (payload != NULL)
		o = read_payload(h, r, keys, payload, a, why);
	json_decref(payload);
	return o;
}

/* ---- opening the webhooks, and their addresses ---- */

/* The processor time that reading a payload may take. */
#define READ_MS 1000
/* A tenant's queue has space for a quarter of all connections and for this many
 * payloads of maximum length. */
#define WORK_QUEUE_SHARE 4
#define WORK_QUEUE_LONGEST 4

static void
free_hook(struct hook *h)
{
	work_queue_close(h->queue);
	profile_close(h->profile);
	secret_free(h->key);
	free(h->tenant);
	free(h->source);
	free(h->section);
	free(h);
}

/* Returns "chatwoot" for "./profiles/chatwoot.jq". */
static char *
source_name(const char *profile)
{
	const char *slash = strrchr(profile, '/');
	const char *name = slash != NULL ? slash + 1 : profile;
	size_t len = strlen(name);

	if (text_ends_with(name, ".jq"))
		len -= strlen(".jq");
	return xstrndup(name, len);
}

static int
open_profile(struct hook *h, const struct conf *c, struct buf *why)
{
	const char *name = tenant_profile(c, h->section);
	struct profile_options opt = tenant_profile_options(
	    c, h->tenant, h->section, conf_bool(c, "poller", "with_text"));

	h->source = source_name(name);
	h->profile = profile_open(name, &opt, why);
	if (h->profile == NULL)
		return -1;
	profile_set_limit(h->profile, READ_MS);
	h->spec = profile_about(h->profile)->hooks;
	h->original = profile_about(h->profile)->originals;
	if (h->spec != NULL || (h->closed && !h->original))
		return 0;
	buf_setf(why, "profile '%s' does not support webhooks", name);
	return -1;
}

/* Owned by the caller; NULL and *why on errors. */
static char *
find_hook_secret(const struct hook *h, const struct conf *c, struct buf *why)
{
	char *secret = conf_secret(c, h->section, "hook_secret", why);

	if (secret == NULL && why->len == 0 && h->signs &&
	    h->spec->key_is_token)
		secret = conf_secret(c, h->section, "token", why);
	if (secret == NULL && why->len == 0)
		buf_setf(why, "there is no webhook secret; set "
			      "hook_secret_file to a file with the secret");
	return secret;
}

/* True if the secret is long enough and needs no escapes in an address. */
static bool
is_address_secret(const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(s);

	return len >= HOOK_SECRET_LEAST && len <= HOOK_SECRET_MOST &&
	       strspn(s, plain) == len;
}

static int
set_hook_key(struct hook *h, const struct conf *c, struct buf *why)
{
	char md5[SIGNATURE_MD5_HEX];

	h->key = find_hook_secret(h, c, why);
	if (h->key == NULL)
		return -1;
	if (!h->signs && !is_address_secret(h->key)) {
		secret_free(h->key);
		h->key = NULL;
		buf_setf(why,
		    "its webhook secret is a part of the URL, so it must be %d "
		    "to %d letters, digits, '-', '_'",
		    HOOK_SECRET_LEAST, HOOK_SECRET_MOST);
		return -1;
	}
	if (h->signs && h->spec->key_is_md5) {
		signature_md5(h->key, md5);
		secret_free(h->key);
		h->key = xstrdup(md5);
	}
	return 0;
}

static int
set_hook_scheme(struct hook *h, const struct conf *c, struct buf *why)
{
	if (h->signs && h->spec->parts == NULL) {
		buf_setf(why,
		    "%s does not sign its webhooks; set hook = secret",
		    h->source);
		return -1;
	}
	h->scheme = (struct signature_scheme){
		.header = h->spec->header,
		.timestamp = h->spec->timestamp,
		.prefix = h->spec->prefix,
		.parts = h->spec->parts,
		.window_ms = conf_text(c, h->section, "hook_window") != NULL
				 ? conf_int(c, h->section, "hook_window")
				 : h->spec->window_ms,
	};
	return 0;
}

/* Adds a secret, or its absence, to the sum. */
static uint64_t
add_secret(
    uint64_t sum, const struct conf *c, const char *section, const char *name)
{
	struct buf why = BUF_INIT;
	char *secret = conf_secret(c, section, name, &why);
	const char *text = secret != NULL ? secret : "";

	sum = checksum(sum, text, strlen(text) + 1);
	secret_free(secret);
	buf_release(&why);
	return sum;
}

/* Returns a number that differs if a setting or a secret does. */
static uint64_t
version_of(const struct conf *c, const char *section)
{
	uint64_t sum = conf_bool(c, "poller", "with_text");
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		const char *text =
		    strcmp(conf_keys[i].section, "crm") == 0
			? conf_text(c, section, conf_keys[i].name)
			: NULL;

		if (text != NULL)
			sum = checksum(sum + i, text, strlen(text));
	}
	sum = add_secret(sum, c, section, "hook_secret");
	return add_secret(sum, c, section, "token");
}

/* Returns 0, or -1 and *why. */
static int
open_hook(
    struct hook *h, const struct conf *c, const char *tenant, struct buf *why)
{
	h->tenant = xstrdup(tenant);
	h->section = xasprintf("crm %s", tenant);
	h->version = version_of(c, h->section);
	h->signs = strcmp(conf_text(c, h->section, "hook"), "signature") == 0;
	h->closed = strcmp(conf_text(c, h->section, "hook"), "off") == 0;
	if (open_profile(h, c, why) != 0)
		return -1;
	if (h->closed)
		return 0;
	return set_hook_scheme(h, c, why) == 0 ? set_hook_key(h, c, why) : -1;
}

/* Also true if only the routes of the original service may need it. */
static bool
hook_is_wanted(const struct conf *c, const char *tenant)
{
	const char *original = conf_text(c, "listen", "tenant");
	char *section = xasprintf("crm %s", tenant);
	bool wanted = strcmp(conf_text(c, section, "hook"), "off") != 0 ||
		      (original != NULL && strcmp(original, tenant) == 0);

	free(section);
	return wanted;
}

static struct work_queue *
open_hook_queue(const struct conf *c)
{
	size_t connections = (size_t)conf_int(c, "listen", "connections");
	size_t longest = (size_t)conf_int(c, "listen", "max_body");

	return work_queue_open(1,
	    (connections + WORK_QUEUE_SHARE - 1) / WORK_QUEUE_SHARE,
	    WORK_QUEUE_LONGEST * longest, NULL);
}

/* Returns the tenant's webhook; or NULL, after logging. */
static struct hook *
open_logged(const struct conf *c, size_t i)
{
	const char *tenant = conf_tenant(c, i);
	struct hook *h = xcalloc(1, sizeof *h);
	struct buf why = BUF_INIT;

	if (conf_tenant_error(c, i) != NULL) {
		log_error("tenant %s: %s", tenant, conf_tenant_error(c, i));
	} else if (open_hook(h, c, tenant, &why) != 0) {
		log_error("webhooks of tenant %s: %s", tenant, buf_str(&why));
	} else {
		buf_release(&why);
		return h;
	}
	buf_release(&why);
	free_hook(h);
	return NULL;
}

static bool
is_same_as(const struct hook *h, const struct conf *c, size_t i)
{
	return conf_tenant_error(c, i) == NULL &&
	       h->version == version_of(c, h->section);
}

/* Puts the webhook at its place in the list. One that was there stays valid. */
static void
put_hook(struct hooks *all, size_t at, struct hook *h, const struct conf *c)
{
	struct hook *before = at < all->n ? all->all[at] : NULL;

	h->queue = before != NULL ? before->queue : open_hook_queue(c);
	(void)pthread_rwlock_wrlock(all->lock);
	if (before == NULL)
		XGROW(all->all, all->n, all->cap);
	all->all[at] = h;
	all->n += before == NULL;
	(void)pthread_rwlock_unlock(all->lock);
	if (before == NULL)
		return;
	XGROW(all->replaced, all->replaced_n, all->replaced_cap);
	all->replaced[all->replaced_n++] = before;
}

size_t
hooks_refresh(struct hooks *all, const struct conf *c)
{
	size_t n = conf_tenants(c), i, at, opened = 0;
	struct hook *h;

	all->failed = 0;
	for (i = 0; i < n; i++) {
		at = place_of(all, conf_tenant(c, i));
		if (!hook_is_wanted(c, conf_tenant(c, i)) ||
		    (at < all->n && is_same_as(all->all[at], c, i)))
			continue;
		h = open_logged(c, i);
		if (h != NULL)
			put_hook(all, at, h, c);
		opened += h != NULL;
		all->failed += h == NULL;
	}
	return opened;
}

struct hooks *
hooks_open(const struct conf *c)
{
	struct hooks *all = xcalloc(1, sizeof *all);

	all->lock = xcalloc(1, sizeof *all->lock);
	(void)pthread_rwlock_init(all->lock, NULL);
	(void)hooks_refresh(all, c);
	return all;
}

void
hooks_free(struct hooks *all)
{
	size_t i;

	if (all == NULL)
		return;
	/* A queue's last requests need all webhooks. */
	for (i = 0; i < all->n; i++) {
		work_queue_close(all->all[i]->queue);
		all->all[i]->queue = NULL;
	}
	for (i = 0; i < all->n; i++)
		free_hook(all->all[i]);
	for (i = 0; i < all->replaced_n; i++) {
		all->replaced[i]->queue = NULL; /* its successor's */
		free_hook(all->replaced[i]);
	}
	(void)pthread_rwlock_destroy(all->lock);
	free(all->lock);
	free(all->all);
	free(all->replaced);
	free(all);
}

char *
hook_path(
    const struct conf *c, const char *tenant, char **secret, struct buf *why)
{
	char *section = xasprintf("crm %s", tenant), *path = NULL;
	const char *how = conf_text(c, section, "hook");
	struct hook h = { .section = section };

	*secret = NULL;
	if (strcmp(how, "off") == 0) {
		buf_setf(why,
		    "webhooks are off; set hook in [%s] to signature or secret",
		    section);
	} else if (strcmp(how, "signature") == 0 ||
		   set_hook_key(&h, c, why) == 0) {
		h.source = source_name(tenant_profile(c, section));
		path = xasprintf("/hooks/%s/%s", tenant, h.source);
		*secret = h.key;
	}
	free(h.source);
	free(section);
	return path;
}
