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

/* A value: text, checked and converted by its row of conf_keys[]. */
struct conf_value {
	char *text;    /* as it was written; NULL: not given */
	int64_t num;   /* INT, SIZE, DURATION, BOOL */
	char **words;  /* LIST, NULL-ended */
	unsigned line; /* where the file gives it; 0: elsewhere */
};

/* Replaces the value. 0, or -1 with *why (no secret in it) and no change. */
int conf_value_set(struct conf_value *v, const struct conf_key *k,
    const char *text, struct buf *why) __attribute__((warn_unused_result));

#define CONF_TENANT_MAX 64

struct conf_section {
	char *name;       /* "amqp", "crm acme" */
	const char *kind; /* "amqp", "crm": the section of the table */
	char *error;      /* of a tenant, see conf_tenant_error() */
	unsigned line;    /* where its header stands; 0: not in the file */
	struct conf_value *values; /* one per row of conf_keys[] */
};

struct conf {
	char *path;
	struct conf_section *sections;
	size_t n, cap;
	int error;  /* errno of the file that could not be read, or 0 */
	int unread; /* errno of SYSTEM_FILE, which nobody named, or 0 */
};

/* The section of that name ("amqp", "crm acme"), or NULL. Borrowed until one
 * is added. */
struct conf_section *conf_section_find(const struct conf *c, const char *name);

/* A new one; kind is borrowed for ever, tenant may be NULL. Borrowed until the
 * next is added. */
struct conf_section *conf_section_add(
    struct conf *c, const char *kind, const char *tenant);

/* The number of the table's row, or conf_keys_n. */
size_t conf_key_at(const char *kind, const char *name);

/* Reads the main file: path, or what the search finds when it is NULL. */
int conf_file_load(struct conf *c, const char *path, struct buf *why)
    __attribute__((warn_unused_result));

/* Reads the files of tenants in that folder. */
int conf_file_load_tenants(struct conf *c, const char *dir, struct buf *why)
    __attribute__((warn_unused_result));

#endif
