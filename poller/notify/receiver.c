/*
 * receiver: see receiver.h.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include "poller/notify/receiver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/digest/encoding.h"
#include "common/digest/signature.h"
#include "poller/crm/failure.h"
#include "poller/notify/mail.h"

#define KIND "notify"

enum {
	RETRY_BASE_MS = 2000,
	RETRY_CAP_MS = 5 * 60 * 1000,
	/* How much of a response is read, and quoted. */
	MAX_BODY = 64 * 1024,
	QUOTED = 120,    /* bytes of a response in an error */
	EXAMINED = 4096, /* of a response, for what must not be quoted */
	PART_MIN = 8,    /* shorter parts of an address are not secrets */
};

/* ---- opening ---- */

/* Returns whether the part of the address before the path contains an @. */
static bool
has_user(const char *url)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

/* A query is allowed. The reasons do not quote the address. */
static int
check_url(const char *url, bool plaintext, struct buf *why)
{
	char *base = xstrndup(url, strcspn(url, "?"));
	struct buf reason = BUF_INIT;
	int rc = http_check_base(base, plaintext, &reason);

	if (has_user(url))
		buf_setf(&reason, "must not have a user or a password");
	else if (strchr(url, '#') != NULL)
		buf_setf(&reason, "must not have a '#'");
	if (reason.len > 0)
		buf_setf(why, "url: %s", buf_str(&reason));
	buf_release(&reason);
	free(base);
	return rc;
}

/* An address that was pasted into a file may have blanks around it. */
static void
trim(char *url)
{
	static const char blanks[] = " \t\r";
	size_t begin, len;

	if (url == NULL)
		return;
	begin = strspn(url, blanks);
	len = strlen(url + begin);
	while (len > 0 && strchr(blanks, url[begin + len - 1]) != NULL)
		len--;
	memmove(url, url + begin, len);
	memset(url + len, '\0', strlen(url + len));
}

static int
read_section(struct receiver *r, const struct conf *c, const char *section,
    struct buf *why)
{
	r->mail = conf_list(c, section, "mail");
	r->recipient = conf_text(c, section, "recipient");
	r->over = conf_bool(c, section, "over");
	r->every_ms = conf_int(c, section, "every");
	r->give_up_ms = conf_int(c, section, "give_up");
	r->limits = (struct http_limits){ conf_int(c, section, "timeout"),
		MAX_BODY, conf_text(c, section, "ca_file") };
	r->url = conf_secret(c, section, "url", why);
	trim(r->url);
	if (why->len == 0)
		r->secret = conf_secret(c, section, "secret", why);
	if (why->len > 0)
		return -1;
	if ((r->url != NULL) == (*r->mail != NULL)) {
		buf_setf(why, "needs either url, url_file or mail");
		return -1;
	}
	if (r->url == NULL)
		return 0;
	if (check_url(r->url, conf_bool(c, section, "plaintext"), why) != 0)
		return -1;
	r->format = filter_open(conf_text(c, section, "format"), why);
	return r->format != NULL ? 0 : -1;
}

static void
add_place(const struct conf *c, const char *section, struct buf *why)
{
	struct buf place = BUF_INIT;

	conf_add_place(c, section, 0, &place);
	buf_addf(&place, "[%s] %s", section, buf_str(why));
	buf_setf(why, "%s", buf_str(&place));
	buf_release(&place);
}

static bool
has_receiver(const struct receivers *all, const char *name)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (strcmp(all->list[i].name, name) == 0)
			return true;
	return false;
}

static int
check_rules(const struct receivers *all, const struct conf *c, struct buf *why)
{
	const char *section;
	char *const *w;
	size_t i;

	for (i = 0; (section = conf_section(c, "notice", i)) != NULL; i++) {
		for (w = conf_list(c, section, "to"); *w != NULL; w++) {
			if (has_receiver(all, *w))
				continue;
			buf_setf(why, "to: there is no [notify %s]", *w);
			add_place(c, section, why);
			return -1;
		}
	}
	return 0;
}

static void
warn_about_unused(const struct receivers *all, const struct conf *c)
{
	struct buf line = BUF_INIT;
	size_t i, j, n = conf_tenants(c);

	for (i = 0; i < all->n; i++) {
		for (j = 0; j < n; j++)
			if (receiver_serves(
				&all->list[i], c, conf_tenant(c, j)))
				break;
		if (j < n || n == 0)
			continue;
		buf_setf(&line, "gets no notices: no [notice NAME] sends to "
				"it");
		add_place(c, all->list[i].section, &line);
		log_warn("%s", buf_str(&line));
	}
	buf_release(&line);
}

int
receivers_open(struct receivers *all, const struct conf *c, struct buf *why)
{
	const char *section;
	struct receiver *r;
	size_t i;

	for (i = 0; (section = conf_section(c, KIND, i)) != NULL; i++) {
		XGROW(all->list, all->n, all->cap);
		r = &all->list[all->n++];
		*r = (struct receiver){ .section = section,
			.name = section + strlen(KIND " "),
			.retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1),
			.delivered_at = CLOCK_NONE,
			.failing_since = CLOCK_NONE };
		if (read_section(r, c, section, why) != 0) {
			add_place(c, section, why);
			return -1;
		}
	}
	if (all->n == 0) {
		buf_setf(why, "no receiver of notices is configured; add a "
			      "section [notify NAME], see "
			      "messaging-notices(7)");
		return -1;
	}
	if (check_rules(all, c, why) != 0)
		return -1;
	warn_about_unused(all, c);
	return 0;
}

void
receivers_release(struct receivers *all)
{
	struct receiver *r;

	for (r = all->list; r < all->list + all->n; r++) {
		secret_free(r->url);
		secret_free(r->secret);
		filter_close(r->format);
		http_headers_free(r->headers);
		buf_release(&r->error);
		buf_release(&r->body.text);
	}
	free(all->list);
}

static bool
is_listed_or_all(const char *word, char *const *list)
{
	return *list == NULL || text_is_listed(word, list);
}

bool
receiver_serves(
    const struct receiver *r, const struct conf *c, const char *tenant)
{
	const char *section;
	size_t i;

	for (i = 0; (section = conf_section(c, "notice", i)) != NULL; i++)
		if (is_listed_or_all(r->name, conf_list(c, section, "to")) &&
		    is_listed_or_all(tenant, conf_list(c, section, "tenants")))
			return true;
	return false;
}

bool
receiver_wants(
    const struct receiver *r, const struct conf *c, const struct notice *n)
{
	char *section = xasprintf("notice %s", n->rule), *const *to = NULL;
	const char *name;
	size_t i;

	for (i = 0; (name = conf_section(c, "notice", i)) != NULL; i++)
		if (strcmp(name, section) == 0)
			to = conf_list(c, name, "to");
	free(section);
	/* A rule that was removed may have been for one receiver. */
	return to != NULL && is_listed_or_all(r->name, to) &&
	       (n->over == CLOCK_NONE || r->over);
}

/* ---- sending ---- */

static void
end_with(struct receiver *r, enum receiver_state state)
{
	r->state = state;
	if (state == RECEIVER_DELIVERED)
		buf_clear(&r->error);
}

/* Signs "TIME.BODY", so that nobody can send the message again later. */
static void
set_headers(struct receiver *r)
{
	unsigned char mac[SIGNATURE_MAC];
	char hex[2 * SIGNATURE_MAC + 1] = "";
	char *id = xasprintf("Messaging-Id: %s", r->id), *signature = NULL;
	const char *lines[3] = { id, NULL, NULL };
	int64_t now = clock_now_ms() / 1000;
	struct buf signed_text = BUF_INIT;

	if (r->secret != NULL) {
		buf_addf(&signed_text, "%" PRId64 ".", now);
		buf_add(&signed_text, r->body.text.data, r->body.text.len);
		signature_mac(
		    r->secret, buf_str(&signed_text), signed_text.len, mac);
		*hex_write(hex, mac, sizeof mac) = '\0';
		lines[1] = signature = xasprintf(
		    "Messaging-Signature: t=%" PRId64 ",v1=%s", now, hex);
	}
	http_headers_free(r->headers);
	r->headers = http_headers_new(lines);
	buf_release(&signed_text);
	free(signature);
	free(id);
}

static void
start_request(struct receiver *r, struct http *http)
{
	set_headers(r);
	http_start(
	    http, &(struct http_request){ .url = r->url,
		      .method = "POST",
		      .body = buf_str(&r->body.text),
		      .type = r->body.is_json ? "application/json"
					      : "text/plain; charset=utf-8",
		      .once = true,
		      .headers = r->headers,
		      .limits = &r->limits,
		      .in_flight = &r->in_flight,
		      .ctx = r });
}

static void
start_mail(struct receiver *r, const struct message *m)
{
	struct buf mail = BUF_INIT;

	mail_write(&mail, r->mail, m);
	r->sendmail = mail_start(&mail, &r->error);
	r->sendmail_until_ms = clock_mono_ms() + r->limits.timeout_ms;
	if (r->sendmail == -1)
		end_with(r, RECEIVER_FAILED);
	buf_release(&mail);
}

int
receiver_show(struct receiver *r, const struct message *m, struct buf *to,
    struct buf *why)
{
	if (*r->mail != NULL) {
		mail_write(to, r->mail, m);
		return 0;
	}
	if (filter_run(r->format, buf_str(&m->json), &r->body, why) != 0)
		return -1;
	buf_add(to, r->body.text.data, r->body.text.len);
	buf_addc(to, '\n');
	return 0;
}

void
receiver_send(struct receiver *r, struct http *http, const struct message *m)
{
	struct buf why = BUF_INIT;

	memcpy(r->id, m->id, sizeof r->id);
	r->state = RECEIVER_BUSY;
	if (*r->mail != NULL) {
		start_mail(r, m);
	} else if (filter_run(r->format, buf_str(&m->json), &r->body, &why) !=
		   0) {
		buf_setf(&r->error, "its format fails: %s", buf_str(&why));
		end_with(r, RECEIVER_REJECTED);
	} else {
		start_request(r, http);
	}
	buf_release(&why);
}

/* Another system's error may quote the address, or its secret parts. */
static void
conceal(const struct receiver *r, struct buf *text)
{
	const char *at = strstr(r->url, "://");
	size_t len;
	char *part;

	secret_conceal(text, r->url);
	secret_conceal(text, r->secret);
	at = at != NULL ? strchr(at + 3, '/') : NULL;
	for (; at != NULL && *at != '\0'; at += len + (at[len] != '\0')) {
		len = strcspn(at, "/?&=#");
		if (len < PART_MIN)
			continue;
		part = xstrndup(at, len);
		secret_conceal(text, part);
		free(part);
	}
}

static void
describe(struct receiver *r, const struct http_answer *a)
{
	struct buf quoted = BUF_INIT;
	size_t i;

	/* The secret is concealed before it may be cut into a part of itself.
	 */
	for (i = 0; i < a->body.len && i < EXAMINED; i++)
		buf_addc(
		    &quoted, a->body.data[i] >= ' ' && a->body.data[i] <= '~'
				 ? a->body.data[i]
				 : ' ');
	conceal(r, &quoted);
	if (a->outcome != HTTP_ANSWERED)
		buf_setf(&r->error, "%s", buf_str(&a->reason));
	else if (quoted.len > 0)
		buf_setf(&r->error, "HTTP %d: %.*s", a->status, QUOTED,
		    buf_str(&quoted));
	else
		buf_setf(&r->error, "HTTP %d", a->status);
	conceal(r, &r->error);
	buf_release(&quoted);
}

static bool
may_succeed_later(const struct http_answer *a)
{
	return a->outcome == HTTP_LATER ||
	       (a->outcome == HTTP_ANSWERED &&
		   (a->status >= 500 || a->status == 429 || a->status == 408));
}

void
receiver_take_response(struct receiver *r, const struct http_answer *a)
{
	int64_t hint;

	if (http_is_success(a)) {
		end_with(r, RECEIVER_DELIVERED);
		return;
	}
	describe(r, a);
	end_with(r, may_succeed_later(a) ? RECEIVER_FAILED : RECEIVER_REJECTED);
	hint = throttle_wait(&a->headers,
	    a->status == 429 ? THROTTLE_REFUSED : THROTTLE_BUSY, a->got_ms, 0);
	r->next_ms = hint > 0 ? clock_mono_ms() + hint : 0;
}

void
receiver_check_mail(struct receiver *r)
{
	static const enum receiver_state states[] = {
		[MAIL_RUNNING] = RECEIVER_BUSY,
		[MAIL_SENT] = RECEIVER_DELIVERED,
		[MAIL_FAILED] = RECEIVER_FAILED,
		[MAIL_REJECTED] = RECEIVER_REJECTED,
	};
	enum mail_result result;

	if (*r->mail == NULL || r->state != RECEIVER_BUSY)
		return;
	result = mail_check(r->sendmail, r->sendmail_until_ms, &r->error);
	end_with(r, states[result]);
}

void
receiver_finish(struct receiver *r)
{
	int64_t now = clock_mono_ms(), pause;

	if (r->state == RECEIVER_DELIVERED) {
		if (r->failing_since != CLOCK_NONE)
			log_info("receiver_back", "receiver=%s", r->name);
		retry_reset(&r->retry);
		r->next_ms = 0;
		r->delivered_at = clock_now_ms();
		r->failing_since = CLOCK_NONE;
		memcpy(r->last_id, r->id, sizeof r->last_id);
	} else {
		if (r->failing_since == CLOCK_NONE) {
			r->failing_since = clock_now_ms();
			log_warn("receiver '%s' of notices: %s", r->name,
			    buf_str(&r->error));
		}
		pause = retry_next(&r->retry, -1);
		if (now + pause > r->next_ms)
			r->next_ms = now + pause;
	}
	r->state = RECEIVER_IDLE;
}
