/*
 * url: parses scheme://user:password@host:port,host:port/path?key=value for
 * AMQP and MySQL, and prints URLs without their passwords. Alternatives:
 * libcurl's parser, which only the poller links, and librabbitmq's, which only
 * supports amqp; neither accepts several hosts or hides a password.
 */
#ifndef COMMON_CONF_URL_H
#define COMMON_CONF_URL_H

#include "common/base/buf.h"

#include <stdbool.h>

#define URL_MAX_HOSTS 16

struct url_host {
	char *name;  /* owned; an IPv6 host has no brackets */
	int port;    /* 0: not given */
	char *shown; /* owned: the URL with this host only, without password */
};

struct url {
	char *scheme, *user, *password, *path, *query; /* owned, may be NULL;
	    user, password and path are percent-decoded, path without its
	    first slash */
	struct url_host hosts[URL_MAX_HOSTS];
	size_t n_hosts; /* at least 1 */
};

/* Returns 0, or -1 and *why (which never has the password). */
int url_parse(struct url *u, const char *text, struct buf *why)
    __attribute__((warn_unused_result));
void url_release(struct url *u);

/* Sets *value, which must be NULL or owned, to the value of the query parameter
 * `key`, owned, if there is one. Returns -1 and *why if the query has another
 * parameter. key NULL: it may have none; value is not used. */
int url_read_query(const struct url *u, const char *key, char **value,
    struct buf *why) __attribute__((warn_unused_result));

/* True for localhost, 127.0.0.0/8 and ::1, where plaintext is allowed. */
bool url_is_loopback(const char *host);

/* Appends the text without the password ("amqp://user:***@host/"). */
void url_redact(struct buf *out, const char *text);

#endif
