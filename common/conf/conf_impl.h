/*
 * conf_impl: struct conf, its sections and their values. Private to conf.c and
 * conf_file.c, which reads files into it.
 */
#ifndef COMMON_CONF_CONF_IMPL_H
#define COMMON_CONF_CONF_IMPL_H

#include "common/base/buf.h"
#include "common/conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value: its text, checked and converted according to its row of
 * conf_keys[]. */
struct conf_value {
	char *text;    /* as written; NULL: not given */
	int64_t num;   /* for INT, SIZE, DURATION, BOOL */
	char **words;  /* for LIST; ends with NULL */
	unsigned line; /* line in the file; 0: from elsewhere */
};

/* Replaces the value. Returns 0, or -1 with *why (which never has a secret) and
 * no change. */
int conf_value_set(struct conf_value *v, const struct conf_key *k,
    const char *text, struct buf *why) __attribute__((warn_unused_result));

#define CONF_TENANT_MAX 64

struct conf_section {
	char *name;       /* "amqp", "crm acme" */
	const char *kind; /* "amqp", "crm": the section in the table */
	char *error;      /* the tenant's error, see conf_tenant_error() */
	unsigned line;    /* line of its header; 0: not in the file */
	struct conf_value *values; /* one for each row of conf_keys[] */
};

struct conf {
	char *path;
	struct conf_section *sections;
	size_t n, cap;
	int error;  /* errno of the file that could not be read, or 0 */
	int unread; /* errno from reading SYSTEM_FILE unless it was named, or
		     * 0 */
};

/* Returns the section with that name ("amqp", "crm acme"), or NULL. Borrowed
 * until one is added. */
struct conf_section *conf_section_find(const struct conf *c, const char *name);

/* Adds a section. kind must stay valid; tenant may be NULL. The result is
 * borrowed until the next section is added. */
struct conf_section *conf_section_add(
    struct conf *c, const char *kind, const char *tenant);

/* Returns the index of the row in the table, or conf_keys_n. */
size_t conf_key_at(const char *kind, const char *name);

/* Reads the main file: path, or the result of the search if path is NULL. */
int conf_file_load(struct conf *c, const char *path, struct buf *why)
    __attribute__((warn_unused_result));

/* Reads the files of tenants in that folder. */
int conf_file_load_tenants(struct conf *c, const char *dir, struct buf *why)
    __attribute__((warn_unused_result));

#endif
