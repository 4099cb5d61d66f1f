/*
 * conf: the configuration of all four programs: one INI file; variables of the
 * environment override it, and flags override both. Every key is a row of
 * conf_keys[] (conf_keys.c): section, name, type, default, limits, help. An
 * unknown key or section, or a value that does not fit, is an error that names
 * file and line. A test compares the man page messaging.conf(5) with the table.
 *
 * Which file: -c FILE, else $MESSAGING_CONFIG, else ./messaging.conf if it
 * belongs to the user or root, else
 * /etc/messaging-analytics/messaging.conf, else none at all, when the
 * environment alone is enough: AMQP_URL, MYSQL_URL, CRM_URL, CRM_TOKEN or
 * CRM_TOKEN_FILE, CRM_ACCOUNT, CRM_PROFILE, CRM_TENANT (then one tenant,
 * "default").
 *
 * Tenants: each [crm NAME] section, and each file NAME.conf in the folder
 * named by [poller] tenants, which holds the keys of one such section (with
 * or without its header) and is read again at each start.
 *
 * Secrets (tokens, URLs with passwords) are read here, from the file or from
 * the file it names, and taken out of the environment. A file with a secret
 * in it that others may read gets one warning.
 */
#ifndef COMMON_CONF_CONF_H
#define COMMON_CONF_CONF_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_TEXT,
	CONF_PATH,         /* in a file: relative to its folder */
	CONF_NAME_OR_PATH, /* with a slash it is a path */
	CONF_INT,
	CONF_SIZE,
	CONF_DURATION, /* kept in ms */
	CONF_BOOL,
	CONF_CHOICE, /* one of choices, separated by | */
	CONF_LIST,   /* words separated by commas or blanks */
	CONF_SECRET, /* never shown */
};

struct conf_key {
	const char *section; /* "crm" stands for every [crm NAME] */
	const char *name;
	enum conf_type type;
	const char *def;  /* as it would stand in the file; NULL: none */
	int64_t min, max; /* of INT, SIZE, DURATION; both 0: no limits */
	const char *choices;
	const char *env; /* overrides the file; NULL: none */
};

extern const struct conf_key conf_keys[];
extern const size_t conf_keys_n;

struct conf; /* opaque */

/* Reads file, tenants' files and environment. path NULL: the search described
 * above. Owned. NULL and *why ("messaging.conf:12: unknown key 'tokn' in [crm
 * acme]; did you mean 'token'?") when something is wrong; errno is then 0, or
 * the error with which the system refused to read a file, for
 * syserr_code(errno, PROG_CONFIG). */
struct conf *conf_load(const char *path, struct buf *why)
    __attribute__((warn_unused_result));
void conf_free(struct conf *c);

/* For errors about a missing setting: appends "; '/etc/...' cannot be read:
 * Permission denied; ..." if conf_load() found the system's file closed to this
 * user. */
void conf_add_unread(const struct conf *c, struct buf *to);
/* The same, or the file that was read, or where files were looked for. */
void conf_add_source(const struct conf *c, struct buf *to);

/* A flag's value, above everything else. -1 and *why if it does not fit. */
int conf_set(struct conf *c, const char *section, const char *name,
    const char *value, struct buf *why) __attribute__((warn_unused_result));

/* Values, defaults applied. section is "amqp", ..., or "crm NAME". Asking for
 * a key that is not in the table is a bug and dies. Borrowed; text is NULL
 * when there is neither value nor default. */
const char *conf_text(
    const struct conf *c, const char *section, const char *name);
/* The secret that the key of this name holds, or the file that NAME_file
 * names; see secret_choose(). */
char *conf_secret(const struct conf *c, const char *section, const char *name,
    struct buf *why) __attribute__((warn_unused_result));
int64_t conf_int(const struct conf *c, const char *section, const char *name);
bool conf_bool(const struct conf *c, const char *section, const char *name);
/* NULL-ended array of words, borrowed. */
char *const *conf_list(
    const struct conf *c, const char *section, const char *name);

/* Number and names of the tenants, in order; borrowed. A tenant whose own file
 * or token could not be read is among them; conf_tenant_error() has the reason,
 * else NULL. So one mistake does not stop the other tenants. */
size_t conf_tenants(const struct conf *c);
const char *conf_tenant(const struct conf *c, size_t i);
const char *conf_tenant_error(const struct conf *c, size_t i);

#endif
