/*
 * hook: see hook.h.
 */
#include "poller/hook.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/jsonw.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/xalloc.h"
#include "poller/profile_hook.h"

struct hook {
	char *tenant, *source, *section;
	struct profile *profile;
	struct profile_hooks told;
	struct signature_scheme scheme;
	bool signs;
	bool closed;           /* to who is no route of the originals */
	char *key;             /* of signatures, or the secret */
	pthread_mutex_t *lock; /* of libjq, for all */
};

struct hooks {
	struct hook *all;
	size_t n, failed;
	pthread_mutex_t lock;
	pthread_mutex_t counting; /* of what follows */
	struct counted {
		uint64_t all;
		unsigned since; /* told_ms */
		int64_t told_ms;
	} tallies[HOOK_TALLIES];
};

/* The log has a line about each kind of them that often, at most. */
#define TELL_MS (INT64_C(10) * 1000)

/* What an unknown tenant is held against: the time it takes tells nothing. */
static const char NOBODY[] = "0123456789abcdef";
static const char *const nobodys_parts[] = { "timestamp", ".", "body", NULL };

static void
release(struct hook *h)
{
	profile_hooks_release(&h->told);
	profile_close(h->profile);
	secret_free(h->key);
	free(h->tenant);
	free(h->source);
	free(h->section);
}

/* "chatwoot" of "./profiles/chatwoot.jq". */
static char *
source_name(const char *profile)
{
	const char *slash = strrchr(profile, '/');
	const char *name = slash != NULL ? slash + 1 : profile;
	size_t len = strlen(name);

	if (len > 3 && strcmp(name + len - 3, ".jq") == 0)
		len -= 3;
	return xstrndup(name, len);
}

static int
open_profile(struct hook *h, const struct conf *c, struct buf *why)
{
	const char *name = conf_text(c, h->section, "profile");
	struct profile_options opt = { .tenant = h->tenant,
		.with_text = conf_bool(c, "poller", "with_text") };
	struct buf reason = BUF_INIT;
	int rc;

	opt.customers = conf_bool(c, h->section, "customers");
	opt.customer_phone = conf_bool(c, h->section, "customer_phone");
	opt.bot_operators = conf_list(c, h->section, "bot_operators");
	h->source = source_name(name);
	h->profile = profile_open(name, &opt, why);
	if (h->profile == NULL)
		return -1;
	rc = profile_hooks_read(h->profile, &h->told, &reason);
	if (rc != 0)
		buf_setf(why, "profile '%s': %s", name, buf_str(&reason));
	buf_release(&reason);
	return rc;
}

/* Owned; NULL and *why. */
static char *
find_secret(const struct hook *h, const struct conf *c, struct buf *why)
{
	const char *secret = conf_text(c, h->section, "hook_secret");
	const char *file = conf_text(c, h->section, "hook_secret_file");
	const char *token = conf_text(c, h->section, "token");

	if (secret != NULL && file != NULL) {
		buf_setf(why, "it has both hook_secret and hook_secret_file; "
			      "remove one");
		return NULL;
	}
	if (file != NULL)
		return secret_from_file(file, why);
	if (secret == NULL && h->signs && h->told.key_is_token)
		secret = token;
	if (secret == NULL) {
		buf_setf(why, "it has no secret for its webhooks; set "
			      "hook_secret_file to a file that holds it");
		return NULL;
	}
	return xstrdup(secret);
}

/* Of those that stand in an address: what nobody guesses, and what needs no
 * escape there. */
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
set_key(struct hook *h, const struct conf *c, struct buf *why)
{
	char md5[SIGNATURE_MD5_HEX];

	h->key = find_secret(h, c, why);
	if (h->key == NULL)
		return -1;
	if (!h->signs && !is_address_secret(h->key)) {
		secret_free(h->key);
		h->key = NULL;
		buf_setf(why,
		    "its webhooks' secret must be %d to %d letters, digits, "
		    "'-', '_': it stands in an address",
		    HOOK_SECRET_LEAST, HOOK_SECRET_MOST);
		return -1;
	}
	if (h->signs && h->told.key_is_md5) {
		signature_md5(h->key, md5);
		secret_free(h->key);
		h->key = xstrdup(md5);
	}
	return 0;
}

static int
set_scheme(struct hook *h, const struct conf *c, struct buf *why)
{
	const char *header = conf_text(c, h->section, "hook_signature");
	const char *time = conf_text(c, h->section, "hook_timestamp");

	if (h->signs && h->told.parts == NULL) {
		buf_setf(why,
		    "%s does not sign its webhooks; set hook = secret",
		    h->source);
		return -1;
	}
	h->scheme = (struct signature_scheme){
		.header = header != NULL ? header : h->told.header,
		.timestamp = time != NULL && h->told.timestamp != NULL
				 ? time
				 : h->told.timestamp,
		.prefix = h->told.prefix,
		.parts = (const char *const *)h->told.parts,
		.window_ms = conf_int(c, h->section, "hook_window"),
	};
	return 0;
}

/* 0, or -1 and *why. */
static int
open_hook(
    struct hook *h, const struct conf *c, const char *tenant, struct buf *why)
{
	*h = (struct hook){ .tenant = xstrdup(tenant) };
	h->section = xasprintf("crm %s", tenant);
	h->signs = strcmp(conf_text(c, h->section, "hook"), "signature") == 0;
	h->closed = strcmp(conf_text(c, h->section, "hook"), "off") == 0;
	if (open_profile(h, c, why) != 0)
		return -1;
	if (h->closed)
		return 0;
	return set_scheme(h, c, why) == 0 ? set_key(h, c, why) : -1;
}

/* Also one for the routes of the originals, which are Qiscus's alone. */
static bool
is_wanted(const struct conf *c, const char *tenant)
{
	const char *original = conf_text(c, "listen", "tenant");
	char *section = xasprintf("crm %s", tenant);
	char *source = source_name(conf_text(c, section, "profile"));
	bool wanted = strcmp(conf_text(c, section, "hook"), "off") != 0 ||
		      (original != NULL && strcmp(original, tenant) == 0 &&
			  strcmp(source, "qiscus") == 0);

	free(source);
	free(section);
	return wanted;
}

/* The timer of a call is for the thread that makes it: others must not be
 * interrupted by its end. */
static void
let_timer_in(bool yes)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGVTALRM);
	(void)pthread_sigmask(yes ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

struct hooks *
hooks_open(const struct conf *c)
{
	struct hooks *all = xcalloc(1, sizeof *all);
	size_t n = conf_tenants(c), i;
	struct buf why = BUF_INIT;

	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_mutex_init(&all->counting, NULL);
	all->all = xcalloc(n + 1, sizeof *all->all);
	for (i = 0; i < n; i++) {
		struct hook *h = &all->all[all->n];
		const char *tenant = conf_tenant(c, i);

		if (!is_wanted(c, tenant))
			continue;
		buf_clear(&why);
		all->failed++;
		if (conf_tenant_error(c, i) != NULL) {
			log_error(
			    "tenant %s: %s", tenant, conf_tenant_error(c, i));
		} else if (open_hook(h, c, tenant, &why) != 0) {
			log_error(
			    "webhooks of tenant %s: %s", tenant, buf_str(&why));
			release(h);
		} else {
			h->lock = &all->lock;
			all->n++;
			all->failed--;
		}
	}
	buf_release(&why);
	let_timer_in(false);
	return all;
}

void
hooks_free(struct hooks *all)
{
	size_t i;

	if (all == NULL)
		return;
	if (all->n > 0)
		log_info("webhooks",
		    "taken=%" PRIu64 " kept=%" PRIu64 " refused=%" PRIu64,
		    all->tallies[HOOK_TAKEN].all, all->tallies[HOOK_KEPT].all,
		    all->tallies[HOOK_REFUSED].all);
	for (i = 0; i < all->n; i++)
		release(&all->all[i]);
	free(all->all);
	(void)pthread_mutex_destroy(&all->lock);
	(void)pthread_mutex_destroy(&all->counting);
	free(all);
}

size_t
hooks_n(const struct hooks *all)
{
	return all->n;
}

static bool
is_name(const char *name, const char *p, size_t len)
{
	return strlen(name) == len && memcmp(name, p, len) == 0;
}

size_t
hooks_failed(const struct hooks *all)
{
	return all->failed;
}

const struct hook *
hook_find(const struct hooks *all, const char *tenant, size_t tenant_len,
    const char *source, size_t source_len)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (!all->all[i].closed &&
		    is_name(all->all[i].tenant, tenant, tenant_len) &&
		    is_name(all->all[i].source, source, source_len))
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
		    "it takes no webhooks; set hook in [%s] to signature or "
		    "secret",
		    section);
	} else if (strcmp(how, "signature") == 0 || set_key(&h, c, why) == 0) {
		h.source = source_name(conf_text(c, section, "profile"));
		path = xasprintf("/hooks/%s/%s", tenant, h.source);
		*secret = h.key;
	}
	free(h.source);
	free(section);
	return path;
}

const char *
hook_tenant(const struct hook *h)
{
	return h->tenant;
}

const char *
hook_source(const struct hook *h)
{
	return h->source;
}

bool
hook_proves(const struct hook *h, const struct hook_delivery *d,
    enum signature_verdict *verdict)
{
	static const struct signature_scheme nobody = { "", "", NULL,
		nobodys_parts, 0 };
	const struct signature_scheme *s = h != NULL ? &h->scheme : &nobody;
	struct signature_claim c = {
		.body = d->body, .len = d->len, .now_ms = d->now_ms
	};

	if (h != NULL && !h->signs) {
		*verdict =
		    d->secret == NULL ? SIGNATURE_MISSING
		    : signature_same_secret(h->key, d->secret, d->secret_len)
			? SIGNATURE_GOOD
			: SIGNATURE_WRONG;
		return *verdict == SIGNATURE_GOOD;
	}
	c.signature = d->header(d->ctx, s->header);
	if (s->timestamp != NULL)
		c.timestamp = d->header(d->ctx, s->timestamp);
	*verdict = signature_check(s, h != NULL ? h->key : NOBODY, &c);
	return h != NULL && *verdict == SIGNATURE_GOOD;
}

unsigned
hook_count(struct hooks *all, enum hook_tally what, int64_t now_ms)
{
	struct counted *t = &all->tallies[what];
	unsigned n = 0;

	(void)pthread_mutex_lock(&all->counting);
	t->all++;
	t->since++;
	if (now_ms - t->told_ms >= TELL_MS || now_ms < t->told_ms) {
		n = t->since;
		t->since = 0;
		t->told_ms = now_ms;
	}
	(void)pthread_mutex_unlock(&all->counting);
	return n;
}

/* A record of the stream: it stands in no snapshot. */
static void
add_line(struct buf *out, const struct hook *h, const struct crm_record *r,
    int64_t now_ms)
{
	struct buf line = BUF_INIT;

	jsonw_open(&line);
	jsonw_str(&line, "type", record_types[r->type].name);
	jsonw_str(&line, "tenant", h->tenant);
	buf_addf(&line, ",%s", r->body);
	if (r->type == RECORD_CHAT) {
		if (*r->person != '\0')
			buf_addf(&line, ",%s", r->person);
		if (r->opened_at != CLOCK_NONE)
			jsonw_time(&line, "opened_at", r->opened_at);
		if (r->closed_at != CLOCK_NONE)
			jsonw_time(&line, "closed_at", r->closed_at);
		jsonw_time(&line, "at", r->at != CLOCK_NONE ? r->at : now_ms);
	}
	jsonw_line(&line);
	buf_add(out, line.data, line.len);
	buf_release(&line);
}

static enum hook_outcome
read_payload(const struct hook *h, const struct hook_delivery *d,
    const struct value *payload, struct buf *records, size_t *n,
    struct buf *why)
{
	const struct profile_hook_input in = { .now_ms = d->now_ms,
		.payload = payload,
		.header = d->header,
		.ctx = d->ctx };
	struct profile_hook_answer a;
	enum hook_outcome o = HOOK_RECORDS;
	size_t i;

	if (profile_hook_read(h->profile, &h->told, &in, &a, why) != 0) {
		o = HOOK_UNREAD;
	} else if (a.unknown != NULL) {
		buf_setf(why, "unknown event '%s'", a.unknown);
		o = HOOK_UNKNOWN;
	}
	for (i = 0; o == HOOK_RECORDS && i < a.n; i++) {
		if (a.records[i].type == RECORD_UNKNOWN)
			continue; /* a customer: no record of a stream */
		add_line(records, h, &a.records[i], d->now_ms);
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
	bool mended = false;

	(void)pthread_mutex_lock(h->lock);
	let_timer_in(true);
	payload = value_parse(d->body, d->len, &mended, why);
	if (payload != NULL)
		o = read_payload(h, d, payload, records, n, why);
	value_unref(payload);
	let_timer_in(false);
	(void)pthread_mutex_unlock(h->lock);
	return o;
}
