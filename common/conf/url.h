/*
 * url: parses scheme://user:password@host:port,host:port/path?key=value for
 * AMQP and MySQL, and prints URLs without their passwords. Weighed:
 * libcurl's parser, which the poller alone links, and librabbitmq's, which
 * knows amqp alone; neither takes several hosts or hides a password.
 */
#ifndef COMMON_CONF_URL_H
#define COMMON_CONF_URL_H

#include "common/base/buf.h"

#include <stdbool.h>

#define URL_MAX_HOSTS 16

struct url_host {
	char *name;  /* owned; an IPv6 host has no brackets */
	int port;    /* 0: not given */
	char *shown; /* owned: the URL of this host alone, without password */
};

struct url {
	char *scheme, *user, *password, *path, *query; /* owned, may be NULL;
	    user, password and path are percent-decoded, path without its
	    first slash */
	struct url_host hosts[URL_MAX_HOSTS];
	size_t n_hosts; /* at least 1 */
};

/* 0, or -1 and *why (never with the password in it). */
int url_parse(struct url *u, const char *text, struct buf *why)
    __attribute__((warn_unused_result));
void url_release(struct url *u);
void url_copy(struct url *to, const struct url *from);

/* The value of a query parameter, owned, or NULL. */
char *url_query(const struct url *u, const char *key)
    __attribute__((warn_unused_result));

/* -1 and *why when the query has a parameter that is not among the n names in
 * `known`: an unknown parameter is an error. */
int url_check_query(const struct url *u, const char *const *known, size_t n,
    struct buf *why) __attribute__((warn_unused_result));

/* True for localhost, 127.0.0.0/8 and ::1: where plaintext may be spoken. */
bool url_is_loopback(const char *host);

/* text without user's password ("amqp://user:***@host/"), appended. */
void url_redact(struct buf *out, const char *text);

#endif
