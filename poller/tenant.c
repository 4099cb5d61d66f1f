/*
 * tenant: see tenant.h.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "poller/tenant.h"

#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "common/xalloc.h"

static bool
is_header_text(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return false;
	}
	return true;
}

static enum exit_code
set_token(struct tenant *t, const struct conf *c, struct buf *why)
{
	const struct profile_about *about = profile_about(t->profile);
	const char *token = conf_text(c, t->section, "token");
	const char *file = conf_text(c, t->section, "token_file");
	const char *lines[] = { NULL, "Accept: application/json", NULL };
	char *line;

	if (token == NULL) {
		buf_setf(why,
		    "[%s] has no token; set token_file to a file "
		    "that holds it, or CRM_TOKEN",
		    t->section);
		return PROG_CONFIG;
	}
	if (file != NULL)
		t->token_source = xasprintf("token_file '%s'", file);
	else
		t->token_source =
		    xasprintf("the token of [%s] (or CRM_TOKEN)", t->section);
	if (!is_header_text(token)) {
		buf_setf(why,
		    "%s holds control characters; it has to be one "
		    "line of text",
		    t->token_source);
		return PROG_CONFIG;
	}
	line = xasprintf("%s: %s%s",
	    about->auth_header != NULL ? about->auth_header : "Authorization",
	    about->auth_prefix != NULL ? about->auth_prefix : "", token);
	lines[0] = line;
	t->headers = http_headers_new(lines);
	secret_free(line);
	return PROG_OK;
}

static enum exit_code
set_base(struct tenant *t, const struct conf *c, struct buf *why)
{
	const char *url = conf_text(c, t->section, "url");
	struct buf reason = BUF_INIT;
	size_t len;
	int rc;

	if (url == NULL)
		url = profile_about(t->profile)->url;
	if (url == NULL) {
		buf_setf(why,
		    "[%s] has no url, and its profile knows none; "
		    "set url",
		    t->section);
		return PROG_CONFIG;
	}
	rc = http_check_base(
	    url, conf_bool(c, t->section, "plaintext"), &reason);
	if (rc != 0)
		buf_setf(why, "url of [%s] %s", t->section, buf_str(&reason));
	buf_release(&reason);
	len = strlen(url);
	while (len > 0 && url[len - 1] == '/')
		len--;
	t->base = xstrndup(url, len);
	return rc == 0 ? PROG_OK : PROG_CONFIG;
}

static void
set_limits(struct tenant *t, const struct conf *c)
{
	t->limits.timeout_ms = conf_int(c, t->section, "timeout");
	t->limits.connect_ms = conf_int(c, t->section, "connect_timeout");
	t->limits.max_body = (size_t)conf_int(c, t->section, "max_body");
	t->limits.ca_file = conf_text(c, t->section, "ca_file");
	t->concurrency = (size_t)conf_int(c, t->section, "concurrency");
	t->operators_every_ms = conf_int(c, t->section, "operators_every");
	t->retry_budget_ms = conf_int(c, "poller", "retry_budget");
	t->budget = conf_int(c, t->section, "budget");
}

enum exit_code
tenant_open(struct tenant *t, const struct conf *c, const char *name,
    bool with_text, struct buf *why)
{
	struct profile_options opt = { .tenant = name, .with_text = with_text };
	enum exit_code code;

	*t = (struct tenant){ .name = name };
	t->section = xasprintf("crm %s", name);
	opt.customers = conf_bool(c, t->section, "customers");
	opt.customer_phone = conf_bool(c, t->section, "customer_phone");
	opt.bot_operators = conf_list(c, t->section, "bot_operators");
	t->history_all =
	    strcmp(conf_text(c, t->section, "history"), "all") == 0;
	opt.history_all = t->history_all;
	t->customers = opt.customers || opt.customer_phone;
	set_limits(t, c);
	t->profile =
	    profile_open(conf_text(c, t->section, "profile"), &opt, why);
	if (t->profile == NULL)
		return PROG_CONFIG;
	code = set_base(t, c, why);
	return code == PROG_OK ? set_token(t, c, why) : code;
}

void
tenant_release(struct tenant *t)
{
	http_headers_free(t->headers);
	profile_close(t->profile);
	free(t->section);
	free(t->base);
	free(t->token_source);
	*t = (struct tenant){ .name = NULL };
}
