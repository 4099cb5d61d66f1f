/*
 * receiver: see receiver.h. Mail goes through the program sendmail, which every
 * mail server and msmtp-mta provide.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include "poller/notify/receiver.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/digest/encoding.h"
#include "common/http/signature.h"
#include "poller/crm/failure.h"

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

/* A query may follow. */
static int
check_url(const char *url, bool plaintext, struct buf *why)
{
	char *base = xstrndup(url, strcspn(url, "?"));
	struct buf reason = BUF_INIT;
	int rc = http_check_base(base, plaintext, &reason);

	/* The reason may quote the address. */
	if (rc != 0)
		buf_setf(why, "url: not an https address; for http on another "
			      "machine, set plaintext = yes");
	buf_release(&reason);
	free(base);
	return rc;
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
	if (why->len == 0)
		r->secret = conf_secret(c, section, "secret", why);
	if (why->len > 0)
		return -1;
	if ((r->url != NULL) == (*r->mail != NULL)) {
		buf_setf(why, "needs either url, url_file or mail");
		return -1;
	}
	if (r->url != NULL &&
	    check_url(r->url, conf_bool(c, section, "plaintext"), why) != 0)
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

int
receivers_open(struct receivers *all, const struct conf *c, struct buf *why)
{
	const char *section;
	struct receiver *r;
	size_t i;

	for (i = 0; (section = conf_section(c, KIND, i)) != NULL; i++) {
		XGROW(all->list, all->n, all->cap);
		r = &all->list[all->n++];
		*r = (struct receiver){ .name = section + strlen(KIND " "),
			.retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1),
			.told_at = CLOCK_NONE,
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
	return check_rules(all, c, why);
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

bool
receiver_wants(
    const struct receiver *r, const struct conf *c, const struct told_notice *n)
{
	char *section = xasprintf("notice %s", n->rule), *const *to = NULL;
	const char *name;
	bool known = false;
	size_t i;

	for (i = 0; (name = conf_section(c, "notice", i)) != NULL; i++)
		if (strcmp(name, section) == 0) {
			known = true;
			to = conf_list(c, name, "to");
		}
	free(section);
	if (!known) /* a rule that was removed may have been for one receiver */
		return false;
	if (to != NULL && *to != NULL && !text_is_listed(r->name, to))
		return false;
	return n->over == CLOCK_NONE || r->over;
}

/* ---- sending ---- */

static void
end_with(struct receiver *r, enum receiver_state state)
{
	r->state = state;
	if (state == RECEIVER_TOLD)
		buf_clear(&r->error);
}

/* Appends a mail. Header lines are ASCII. */
static void
write_mail(const struct receiver *r, const struct message *m, struct buf *to)
{
	const char *text = buf_str(&m->text);
	size_t subject = strcspn(text, "\n"), i;
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	(void)gmtime_r(&now, &tm);
	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_adds(to, "To: ");
	for (i = 0; r->mail[i] != NULL; i++)
		buf_addf(to, "%s%s", i > 0 ? ", " : "", r->mail[i]);
	buf_adds(to, "\nSubject: ");
	for (i = 0; i < subject; i++)
		buf_addc(to, text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
	buf_addf(to,
	    "\nDate: %s\nMessage-ID: <%s@messaging-analytics>\n"
	    "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n\n%s\n",
	    date, m->id, text);
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

/* The child's standard input; the mail is short, so it fits into a pipe. */
static _Noreturn void
become_sendmail(int in)
{
	const char *path = getenv("PATH");
	char *with_sbin = xasprintf(
	    "%s:/usr/sbin:/usr/lib", path != NULL ? path : "/usr/bin:/bin");

	(void)setenv("PATH", with_sbin, 1);
	if (dup2(in, STDIN_FILENO) != -1)
		(void)execlp("sendmail", "sendmail", "-oi", "-t", (char *)NULL);
	_exit(127);
}

static void
start_mail(struct receiver *r, const struct buf *mail)
{
	int ends[2];
	bool written;

	if (pipe(ends) == -1) {
		(void)syserr_explain(
		    &r->error, PROG_TEMPFAIL, "cannot run sendmail");
		end_with(r, RECEIVER_LATER);
		return;
	}
	written = write(ends[1], mail->data, mail->len) == (ssize_t)mail->len;
	r->child = written ? fork() : -1;
	if (r->child == 0) {
		(void)close(ends[1]);
		become_sendmail(ends[0]);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
	r->child_until_ms = clock_mono_ms() + r->limits.timeout_ms;
	if (r->child > 0)
		return;
	r->child = 0;
	(void)syserr_explain(&r->error, PROG_TEMPFAIL, "cannot run sendmail");
	end_with(r, RECEIVER_LATER);
}

int
receiver_show(struct receiver *r, const struct message *m, struct buf *to,
    struct buf *why)
{
	if (*r->mail != NULL) {
		write_mail(r, m, to);
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
	struct buf mail = BUF_INIT, why = BUF_INIT;

	memcpy(r->id, m->id, sizeof r->id);
	r->state = RECEIVER_BUSY;
	if (*r->mail != NULL) {
		write_mail(r, m, &mail);
		start_mail(r, &mail);
	} else if (filter_run(r->format, buf_str(&m->json), &r->body, &why) !=
		   0) {
		buf_setf(&r->error, "its format fails: %s", buf_str(&why));
		end_with(r, RECEIVER_NEVER);
	} else {
		start_request(r, http);
	}
	buf_release(&mail);
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
receiver_take(struct receiver *r, const struct http_answer *a)
{
	int64_t hint;

	if (http_is_success(a)) {
		end_with(r, RECEIVER_TOLD);
		return;
	}
	describe(r, a);
	end_with(r, may_succeed_later(a) ? RECEIVER_LATER : RECEIVER_NEVER);
	hint = throttle_wait(&a->headers,
	    a->status == 429 ? THROTTLE_REFUSED : THROTTLE_BUSY, a->got_ms, 0);
	r->next_ms = hint > 0 ? clock_mono_ms() + hint : 0;
}

/* Exit statuses of sendmail are those of sysexits.h. */
void
receiver_look(struct receiver *r)
{
	int status;
	pid_t ended;

	if (r->child == 0)
		return;
	ended = waitpid(r->child, &status, WNOHANG);
	if (ended == 0 && clock_mono_ms() < r->child_until_ms)
		return;
	if (ended == 0) {
		(void)kill(r->child, SIGKILL);
		(void)waitpid(r->child, &status, 0);
	}
	r->child = 0;
	if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		end_with(r, RECEIVER_TOLD);
		return;
	}
	if (ended == 0)
		buf_setf(&r->error, "sendmail takes too long");
	else if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		buf_setf(&r->error, "sendmail is not installed; install "
				    "msmtp-mta or a mail server");
	else
		buf_setf(&r->error, "sendmail failed with %d",
		    ended > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	end_with(r, RECEIVER_LATER);
}

void
receiver_done(struct receiver *r)
{
	int64_t now = clock_mono_ms(), pause;

	if (r->state == RECEIVER_TOLD) {
		if (r->failing_since != CLOCK_NONE)
			log_info("receiver_back", "receiver=%s", r->name);
		retry_reset(&r->retry);
		r->next_ms = 0;
		r->told_at = clock_now_ms();
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
