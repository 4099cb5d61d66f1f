/*
 * conf: the configuration of all four programs. It is an INI file; environment
 * variables override it, and flags override both. Every key is a row of
 * conf_keys[] (conf_keys.c): section, name, type, default, limits, help. An
 * unknown key or section, or a value that does not fit, is an error that names
 * file and line. A test compares the man page messaging.conf(5) with the table.
 *
 * The file is that of -c FILE, otherwise $MESSAGING_CONFIG, otherwise
 * /etc/messaging-analytics/messaging.conf. No file is needed if the environment
 * is enough: AMQP_URL, MYSQL_URL, CRM_URL, CRM_TOKEN or CRM_TOKEN_FILE,
 * CRM_ACCOUNT, CRM_PROFILE, CRM_TENANT (which gives one tenant, "default").
 *
 * Some sections have names: [crm NAME], [hours NAME], [targets NAME],
 * [notice NAME] and [notify NAME].
 * Tenants are the [crm NAME] sections, and the files NAME.conf in the folder of
 * [poller] tenants. Such a file has the keys of one section (with or without
 * its header) and is read again at each start.
 *
 * Secrets (tokens, URLs with passwords) are removed from the environment. The
 * file that contains a secret is read by the program that needs the secret, see
 * conf_secret(). If other users may read a file with a secret, one warning is
 * logged.
 */
#ifndef COMMON_CONF_CONF_H
#define COMMON_CONF_CONF_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_TEXT,
	CONF_PATH,         /* in a file: relative to the file's folder */
	CONF_NAME_OR_PATH, /* with a slash it is a path */
	CONF_INT,
	CONF_SIZE,
	CONF_DURATION, /* stored in ms */
	CONF_BOOL,
	CONF_CHOICE,    /* one of choices, separated by | */
	CONF_LIST,      /* words separated by commas or blanks */
	CONF_SECRET,    /* never shown */
	CONF_LINE,      /* any number of lines, in order; see conf_entries() */
	CONF_LINE_PATH, /* the same, and each is a path */
};

struct conf_key {
	const char *section; /* "crm" stands for every [crm NAME] */
	const char *name;    /* "hours.*" stands for every "hours.NAME" */
	enum conf_type type;
	const char *def;  /* as written in a file; NULL: none */
	int64_t min, max; /* for INT, SIZE, DURATION; both 0: no limits */
	const char *choices;
	const char *env; /* variable that overrides the file; NULL: none */
};

extern const struct conf_key conf_keys[];
extern const size_t conf_keys_n;

/* A line of a section, for a key of type CONF_LINE. */
struct conf_entry {
	const char *key, *text;
	unsigned line;
};

/* Returns 0 if none of the entries from `from` up to e has the same key;
 * otherwise -1 and *why. */
int conf_entry_once(const struct conf_entry *from, const struct conf_entry *e,
    struct buf *why) __attribute__((warn_unused_result));

struct conf; /* opaque */

/* Reads the file, the tenants' files and the environment. path NULL: the search
 * described above. Owned. On error returns NULL and *why ("messaging.conf:12:
 * unknown key 'tokn' in [crm acme]; did you mean 'token'?"); errno is then 0,
 * or the system's error for a file that could not be read, for
 * syserr_code(errno, PROG_CONFIG). */
struct conf *conf_load(const char *path, struct buf *why)
    __attribute__((warn_unused_result));
void conf_free(struct conf *c);

/* Returns a number that changes when the configuration file, a file in the
 * folder of tenants, or a file with one of the secrets is written or
 * replaced. */
uint64_t conf_stamp(const struct conf *c);

/* For errors about a missing setting: appends the file that was read, or why
 * none was read. */
void conf_add_source(const struct conf *c, struct buf *to);

/* Sets a flag's value, which overrides everything else. Returns -1 and *why if
 * it does not fit. */
int conf_set(struct conf *c, const char *section, const char *name,
    const char *value, struct buf *why) __attribute__((warn_unused_result));

/* Return values, with defaults applied. section is "amqp", ..., or "crm NAME".
 * Asking for a key that is not in the table is a bug and ends the process.
 * Borrowed; text is NULL if there is neither value nor default. */
const char *conf_text(
    const struct conf *c, const char *section, const char *name);
/* Returns the secret of this key, or from the file that NAME_file names; see
 * secret_choose(). */
char *conf_secret(const struct conf *c, const char *section, const char *name,
    struct buf *why) __attribute__((warn_unused_result));
int64_t conf_int(const struct conf *c, const char *section, const char *name);
bool conf_bool(const struct conf *c, const char *section, const char *name);
/* Returns an array of words that ends with NULL, borrowed. */
char *const *conf_list(
    const struct conf *c, const char *section, const char *name);

/* Returns the lines of a section whose keys are of type CONF_LINE, in order;
 * borrowed. There are none if there is no such section. */
const struct conf_entry *conf_entries(
    const struct conf *c, const char *section, size_t *n);

/* Returns the full name of the i-th section of a kind ("hours office"), or
 * NULL; borrowed. */
const char *conf_section(const struct conf *c, const char *kind, size_t i);

/* Appends where a section is written, "messaging.conf:12: ", and its line if
 * `line` is 0. Appends nothing if it is not in a file. */
void conf_add_place(
    const struct conf *c, const char *section, unsigned line, struct buf *to);

/* Returns the line of a key; 0 if it is not set in a file. */
unsigned conf_line(const struct conf *c, const char *section, const char *name);

/* Return number, names and errors of the tenants, in order; borrowed. A tenant
 * whose own file could not be read is included; conf_tenant_error() has the
 * reason, otherwise NULL. One mistake therefore does not stop the other
 * tenants. */
size_t conf_tenants(const struct conf *c);
const char *conf_tenant(const struct conf *c, size_t i);
const char *conf_tenant_error(const struct conf *c, size_t i);
bool conf_has_tenant(const struct conf *c, const char *name);
/* True if the tenant has a file of its own. */
bool conf_tenant_has_file(const struct conf *c, size_t i);

#endif
