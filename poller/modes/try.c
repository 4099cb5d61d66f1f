/*
 * try: poller --try. Calls one function of a profile with the answer or webhook
 * on standard input, and prints the result. It asks no CRM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile_try.h"
#include "poller/modes/modes.h"

static const struct option_row rows[] = {
	POLLER_TENANT,
	OPTION_TEXT(0, "with", "JSON", struct poller, with,
	    "further input for the function: {\"chat\": ...}"),
	POLLER_TEXT,
};

/* Returns the only tenant, or that of --tenant; NULL after a message. */
static const char *
choose_tenant(const struct poller *p)
{
	if (p->only_n == 1)
		return p->only[0];
	if (p->only_n == 0 && conf_tenants(p->common.conf) == 1)
		return conf_tenant(p->common.conf, 0);
	if (conf_tenants(p->common.conf) == 0)
		log_error("--try needs a tenant; use -c FILE, or set "
			  "CRM_TOKEN_FILE and CRM_PROFILE");
	else
		log_error("--try needs one profile; choose its tenant with "
			  "--tenant");
	return NULL;
}

/* Returns 0; *answer is NULL if the function needs none. */
static int
read_answer(const char *function, json_t **answer)
{
	struct buf text = BUF_INIT, why = BUF_INIT;
	int rc = 0;

	*answer = NULL;
	if (profile_try_asks(function))
		return 0;
	if (file_read_all(STDIN_FILENO, &text) != 0) {
		rc = -1;
		(void)syserr_log(PROG_IO, "cannot read standard input");
	} else if ((*answer = json_read_repaired(
			buf_str(&text), text.len, &why)) == NULL) {
		rc = -1;
		log_error("standard input is not JSON: %s", buf_str(&why));
	}
	buf_release(&text);
	buf_release(&why);
	return rc;
}

/* Logs each line of the text. */
static void
warn_lines(char *text)
{
	char *line, *rest = text;

	while ((line = strtok_r(rest, "\n", &rest)) != NULL)
		log_warn("%s", line);
}

static enum exit_code
try_function(struct poller *p, struct profile *profile, json_t *with)
{
	struct buf out = BUF_INIT, why = BUF_INIT;
	enum exit_code code = PROG_DATA;
	json_t *answer;
	char *text;

	if (read_answer(p->function, &answer) == 0) {
		if (profile_try(
			profile, p->function, answer, with, &out, &why) == 0)
			code = PROG_OK;
		text = buf_take(&why);
		if (text != NULL)
			warn_lines(text);
		free(text);
		if (fwrite(buf_str(&out), 1, out.len, stdout) != out.len ||
		    fflush(stdout) != 0)
			code =
			    syserr_log(PROG_IO, "cannot write standard output");
	}
	json_decref(answer);
	buf_release(&out);
	return code;
}

static enum exit_code
open_and_try(struct poller *p, const char *tenant, json_t *with)
{
	char *section = xasprintf("crm %s", tenant);
	struct profile_options opt = tenant_profile_options(
	    p->common.conf, tenant, section, p->with_text);
	struct buf why = BUF_INIT;
	struct profile *profile;
	enum exit_code code = PROG_CONFIG;

	opt.only = p->function;
	profile =
	    profile_open(tenant_profile(p->common.conf, section), &opt, &why);
	if (profile == NULL)
		log_error("%s", buf_str(&why));
	else
		code = p->common.only_check ? PROG_OK
					    : try_function(p, profile, with);
	profile_close(profile);
	buf_release(&why);
	free(section);
	return code;
}

static enum exit_code
run_try_mode(void *options)
{
	struct poller *p = options;
	const char *tenant = choose_tenant(p);
	json_t *with = NULL;
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_USAGE;

	poller_resolve_text(p);
	if (p->with != NULL)
		with = json_read_repaired(p->with, strlen(p->with), &why);
	if (tenant == NULL)
		code = PROG_CONFIG;
	else if (p->with != NULL && with == NULL)
		log_error("--with is not JSON: %s", buf_str(&why));
	else
		code = open_and_try(p, tenant, with);
	json_decref(with);
	buf_release(&why);
	return code;
}

static int
check_try(void *options)
{
	const struct poller *p = options;

	if (profile_try_knows(p->function))
		return -1;
	return prog_usage_error(
	    "profiles have no function '%s'; see messaging-profile(5)",
	    p->function);
}

const struct option_mode poller_mode_try = {
	.choice = OPTION_TEXT(0, "try", "FUNCTION", struct poller, function,
	    "test a function of a profile"),
	.about = "Reads a response from the CRM or a webhook from standard "
		 "input, and shows\nwhat a function of the profile, such as "
		 "chats_read or hook_read, returns for it.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_try,
	.run = run_try_mode,
};
