/*
 * terms: the hours and targets of each tenant and its channels, as configured
 * in the sections [hours NAME], [targets] and [targets NAME], and by the keys
 * hours, targets and zone of [crm NAME], see messaging-hours(7). A tenant
 * without the key hours has no hours. [targets] applies to every tenant that
 * does not choose other targets.
 */
#ifndef COMMON_HOURS_TERMS_H
#define COMMON_HOURS_TERMS_H

#include "common/base/buf.h"
#include "common/base/text.h"
#include "common/conf/conf.h"
#include "common/hours/judge.h"

#include <stddef.h>
#include <stdint.h>

struct terms_book;   /* the terms of all tenants */
struct tenant_terms; /* the terms of one tenant */

/* Reads the configuration; read_file reads files of holidays, see hours_read().
 * Owned. If the main file is wrong, returns NULL and *why, which gives the line
 * number. An error in a tenant's own file is logged, and only that tenant
 * has no terms; see terms_error(). */
struct terms_book *terms_load(const struct conf *c, hours_read_file *read_file,
    void *ctx, struct buf *why) __attribute__((warn_unused_result));

/* NULL is allowed. */
void terms_free(struct terms_book *b);

/* Returns a tenant's terms, never NULL. [targets] also applies to tenants that
 * are not configured. Borrowed. */
const struct tenant_terms *terms_of_tenant(
    const struct terms_book *b, struct text tenant);

/* Returns the terms of a channel; borrowed. If the channel is absent or not
 * configured, these are the tenant's general terms. */
const struct terms *terms_of_channel(
    const struct tenant_terms *t, struct text channel);

/* Returns why the tenant's file was not used, or NULL; borrowed. */
const char *terms_error(const struct tenant_terms *t);

/* Return the time zone in which the tenant's days begin, and its name;
 * borrowed. */
const struct zone *terms_zone(const struct tenant_terms *t);
const char *terms_zone_name(const struct tenant_terms *t);

/* Return whether any channel has hours, and whether any has targets. */
bool terms_have_hours(const struct tenant_terms *t);
bool terms_have_targets(const struct tenant_terms *t);

/* Returns whether targets are configured for any tenant. */
bool terms_any_targets(const struct terms_book *b);

/* Returns a fingerprint of the tenant's hours and targets; 0 if there are
 * none. */
uint64_t terms_version(const struct tenant_terms *t);

/* Returns the same in hexadecimal, as in tenant_metrics; NULL if there are
 * none. Borrowed. */
const char *terms_version_text(const struct tenant_terms *t);

/* Return the lines of the configuration about the tenant's hours and targets,
 * and the texts of the files of holidays (see hours_add_files()); borrowed. */
const struct buf *terms_text(const struct tenant_terms *t);
const struct buf *terms_files(const struct tenant_terms *t);

/* Calls each() for the general terms (channel NULL), and then for each channel
 * with its own terms. */
void terms_each_channel(const struct tenant_terms *t,
    void (*each)(void *ctx, const char *channel, const struct terms *terms),
    void *ctx);

#endif
