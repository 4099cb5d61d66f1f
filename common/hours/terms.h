/*
 * terms: which hours and targets apply to a tenant and its channels, from the
 * configuration: the sections [hours NAME], [targets] and [targets NAME], and
 * the keys hours, targets and zone of [crm NAME], see messaging-hours(7).
 * Tenants without these keys have no hours; [targets] applies to every tenant
 * that does not choose other targets.
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
struct tenant_terms; /* of one */

/* Reads the configuration, and files of holidays by read_file (see
 * hours_read()). Owned. A mistake in the main file returns NULL and *why, with
 * its line. A mistake in the file of a tenant is logged and only leaves that
 * tenant without terms, see terms_error(). */
struct terms_book *terms_load(const struct conf *c, hours_read_file *read_file,
    void *ctx, struct buf *why) __attribute__((warn_unused_result));

/* NULL is allowed. */
void terms_free(struct terms_book *b);

/* Returns a tenant's terms; never NULL: a tenant that is not configured has
 * those of [targets]. Borrowed. */
const struct tenant_terms *terms_of_tenant(
    const struct terms_book *b, struct text tenant);

/* Returns what applies to a channel; borrowed. An absent channel has what
 * applies to channels that are not named. */
const struct terms *terms_of_channel(
    const struct tenant_terms *t, struct text channel);

/* Why the tenant's file was not used, or NULL; borrowed. */
const char *terms_error(const struct tenant_terms *t);

/* The time zone in which the tenant's days begin, and its name; borrowed. */
const struct zone *terms_zone(const struct tenant_terms *t);
const char *terms_zone_name(const struct tenant_terms *t);

/* True if any channel has hours, and if any has a target. */
bool terms_have_hours(const struct tenant_terms *t);
bool terms_have_targets(const struct tenant_terms *t);

/* True if there are any targets at all. */
bool terms_any_targets(const struct terms_book *b);

/* A fingerprint of all hours and targets of the tenant; 0 if there are none. */
uint64_t terms_version(const struct tenant_terms *t);

/* The same in hexadecimal, as in tenant_metrics; NULL if there are none.
 * Borrowed. */
const char *terms_version_text(const struct tenant_terms *t);

/* The tenant's lines of the configuration about hours and targets, and the
 * files of holidays (see hours_add_files()); borrowed. */
const struct buf *terms_text(const struct tenant_terms *t);
const struct buf *terms_files(const struct tenant_terms *t);

/* Calls each() for what applies in general (channel NULL), and then for each
 * channel that has terms of its own. */
void terms_each_channel(const struct tenant_terms *t,
    void (*each)(void *ctx, const char *channel, const struct terms *terms),
    void *ctx);

#endif
