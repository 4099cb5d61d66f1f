/*
 * conf_section: struct conf, its sections and their values. Private to conf.c
 * and conf_file.c; everybody else includes conf.h.
 */
#ifndef COMMON_CONF_CONF_SECTION_H
#define COMMON_CONF_CONF_SECTION_H

#include "common/conf/conf.h"
#include "common/conf/conf_value.h"

#include <stdbool.h>
#include <stddef.h>

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

bool conf_is_tenant(const struct conf_section *s);

/* The number of the table's row, or conf_keys_n. */
size_t conf_key_at(const char *kind, const char *name);

#endif
