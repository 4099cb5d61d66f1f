/*
 * url: see url.h. Lenient in one respect: everything up to the last '@' before
 * the path is user and password, because passwords with an '@' are often typed
 * without percent-encoding.
 */
#define _GNU_SOURCE /* explicit_bzero, memrchr */

#include "common/conf/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/digest/encoding.h"

static int
parse_userinfo(struct url *u, const char *s, size_t len, struct buf *why)
{
	const char *colon = memchr(s, ':', len);
	size_t user = colon != NULL ? (size_t)(colon - s) : len;

	u->user = percent_decode(s, user);
	if (colon != NULL)
		u->password = percent_decode(colon + 1, len - user - 1);
	if (u->user == NULL || (colon != NULL && u->password == NULL)) {
		buf_setf(why,
		    "a '%%' in the URL's user or password is not followed by "
		    "two hexadecimal digits; write it as %%25");
		return -1;
	}
	return 0;
}

static int
parse_port(int *to, const char *s, size_t len, struct buf *why)
{
	char text[8];
	int64_t port;

	if (len == 0)
		return 0;
	if (len < sizeof text) {
		memcpy(text, s, len);
		text[len] = '\0';
		if (parse_int(text, 1, 65535, &port) == 0) {
			*to = (int)port;
			return 0;
		}
	}
	/* The port is not shown: it may be part of a password. */
	buf_setf(why,
	    "the port of the URL is not a number from 1 to 65535; a '/' in "
	    "its password must be written as %%2F");
	return -1;
}

static int
parse_host(struct url_host *h, const char *s, size_t len, struct buf *why)
{
	const char *end, *close_at;

	if (len > 0 && s[0] == '[') {
		close_at = memchr(s, ']', len);
		if (close_at == NULL ||
		    (close_at + 1 < s + len && close_at[1] != ':')) {
			buf_setf(why, "the URL's IPv6 host lacks its ']'");
			return -1;
		}
		h->name = xstrndup(s + 1, (size_t)(close_at - s - 1));
		end = close_at + 1;
	} else {
		end = memchr(s, ':', len);
		if (end == NULL)
			end = s + len;
		h->name = xstrndup(s, (size_t)(end - s));
	}
	if (h->name[0] == '\0') {
		buf_setf(why, "the URL names no host");
		return -1;
	}
	if (end == s + len)
		return 0;
	return parse_port(&h->port, end + 1, (size_t)(s + len - end - 1), why);
}

/* Returns the URL with this host only: the text before the list of hosts, the
 * host, and the text after the list. */
static char *
show_host(const char *text, const char *list, const char *host, size_t len,
    const char *tail)
{
	struct buf whole = BUF_INIT, shown = BUF_INIT;
	char *s;

	buf_add(&whole, text, (size_t)(list - text));
	buf_add(&whole, host, len);
	buf_adds(&whole, tail);
	url_redact(&shown, buf_str(&whole));
	s = xstrdup(buf_str(&shown));
	explicit_bzero(whole.data, whole.len);
	buf_release(&whole);
	buf_release(&shown);
	return s;
}

/* Reads the hosts, separated by commas, from s in text. */
static int
parse_hosts(
    struct url *u, const char *text, const char *s, size_t len, struct buf *why)
{
	const char *list = s, *end = s + len, *comma;
	struct url_host *h;

	for (;; s = comma + 1) {
		comma = memchr(s, ',', (size_t)(end - s));
		if (comma == NULL)
			comma = end;
		if (u->n_hosts == URL_MAX_HOSTS) {
			buf_setf(why, "the URL names more than %d hosts",
			    URL_MAX_HOSTS);
			return -1;
		}
		h = &u->hosts[u->n_hosts++];
		if (parse_host(h, s, (size_t)(comma - s), why) != 0)
			return -1;
		h->shown = show_host(text, list, s, (size_t)(comma - s), end);
		if (comma == end)
			return 0;
	}
}

/* Reads the scheme; *rest is the text after "://". */
static int
parse_scheme(
    struct url *u, const char *text, const char **rest, struct buf *why)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-.";
	size_t len = strspn(text, allowed), i;

	if (len == 0 || strncmp(text + len, "://", 3) != 0) {
		buf_setf(why,
		    "the URL does not begin with a scheme such as https://, "
		    "amqp:// or mysql://");
		return -1;
	}
	u->scheme = xstrndup(text, len);
	for (i = 0; i < len; i++) {
		if (u->scheme[i] >= 'A' && u->scheme[i] <= 'Z')
			u->scheme[i] = (char)(u->scheme[i] - 'A' + 'a');
	}
	*rest = text + len + 3;
	return 0;
}

/* An '@' in the tail may be the one before the host, preceded by part of a
 * password that must not be shown. Therefore '@' must be escaped in names,
 * too. */
static int
check_for_password(const char *tail, struct buf *why)
{
	static const char ends[] = "/?#";
	static const char *const escaped[] = { "%2F", "%3F", "%23" };
	const char *at = strchr(tail, '@'), *cut = tail;

	if (at == NULL)
		return 0;
	if (memchr(tail, '?', (size_t)(at - tail)) != NULL)
		cut = "?";
	buf_setf(why,
	    "the URL has an '@' after its '%c'; write a '%c' in the password "
	    "as %s, and an '@' in the name of a database or virtual host as "
	    "%%40",
	    *cut, *cut, escaped[strchr(ends, *cut) - ends]);
	return -1;
}

/* Reads what follows the authority. */
static int
parse_tail(struct url *u, const char *s, struct buf *why)
{
	size_t len;

	if (check_for_password(s, why) != 0)
		return -1;
	if (*s == '/') {
		len = strcspn(++s, "?#");
		u->path = percent_decode(s, len);
		if (u->path == NULL) {
			buf_setf(why, "a '%%' in the path of the URL is not "
				      "followed by two hexadecimal digits");
			return -1;
		}
		s += len;
	}
	if (*s == '?')
		u->query = xstrndup(s + 1, strcspn(s + 1, "#"));
	return 0;
}

static bool
has_blank(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return true;
	}
	return false;
}

int
url_parse(struct url *u, const char *text, struct buf *why)
{
	const char *s, *at;
	size_t len;

	memset(u, 0, sizeof *u);
	if (has_blank(text)) {
		buf_setf(why, "the URL has a space or a control character; "
			      "write it percent-encoded");
		return -1;
	}
	if (parse_scheme(u, text, &s, why) != 0)
		goto bad;
	len = strcspn(s, "/?#");
	at = memrchr(s, '@', len);
	if (at != NULL) {
		if (parse_userinfo(u, s, (size_t)(at - s), why) != 0)
			goto bad;
		len -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	if (parse_tail(u, s + len, why) != 0 ||
	    parse_hosts(u, text, s, len, why) != 0)
		goto bad;
	return 0;
bad:
	url_release(u);
	return -1;
}

void
url_release(struct url *u)
{
	size_t i;

	free(u->scheme);
	free(u->user);
	secret_free(u->password);
	free(u->path);
	free(u->query);
	for (i = 0; i < u->n_hosts; i++) {
		free(u->hosts[i].name);
		free(u->hosts[i].shown);
	}
	memset(u, 0, sizeof *u);
}

int
url_read_query(
    const struct url *u, const char *key, char **value, struct buf *why)
{
	const char *s = u->query;
	size_t len, name;

	for (; s != NULL && *s != '\0'; s += len, s += *s == '&') {
		len = strcspn(s, "&");
		name = strcspn(s, "=&");
		if (len == 0)
			continue;
		if (key == NULL || name == len || strlen(key) != name ||
		    memcmp(s, key, name) != 0) {
			buf_setf(why,
			    "unknown parameter '%.*s' in the URL; remove it",
			    (int)name, s);
			return -1;
		}
		free(*value);
		*value = percent_decode(s + name + 1, len - name - 1);
	}
	return 0;
}

bool
url_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (host == NULL)
		return false;
	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return false;
}

/* True for query parameters whose values must not be shown. */
static bool
is_secret_name(const char *s, size_t len)
{
	static const char *const words[] = { "pass", "token", "secret", "key",
		"auth", "sig" };
	size_t i, j, n;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		n = strlen(words[i]);
		for (j = 0; j + n <= len; j++) {
			if (strncasecmp(s + j, words[i], n) == 0)
				return true;
		}
	}
	return false;
}

static void
redact_query(struct buf *out, const char *s)
{
	size_t len, name;

	while (*s != '\0') {
		len = strcspn(s, "&");
		name = strcspn(s, "=&");
		if (name < len && is_secret_name(s, name)) {
			buf_add(out, s, name);
			buf_adds(out, "=***");
		} else {
			buf_add(out, s, len);
		}
		s += len;
		if (*s == '&')
			buf_addc(out, *s++);
	}
}

/* Everything before the last '@' may be part of a password that was not
 * percent-encoded, so all of it is hidden. */
void
url_redact(struct buf *out, const char *text)
{
	const char *s = strstr(text, "://"), *at, *colon;
	size_t len;

	s = s != NULL ? s + 3 : text;
	buf_add(out, text, (size_t)(s - text));
	at = strrchr(s, '@');
	if (at != NULL) {
		colon = memchr(s, ':', (size_t)(at - s));
		len = (size_t)((colon != NULL ? colon : at) - s);
		buf_add(out, s, len);
		buf_adds(out, colon != NULL ? ":***" : "");
		s = at;
	}
	len = strcspn(s, "?");
	buf_add(out, s, len);
	s += len;
	if (*s == '?') {
		buf_addc(out, *s++);
		redact_query(out, s);
	}
}
