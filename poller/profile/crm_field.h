/*
 * crm_field: one field of a record as a profile gave it: whether it is of its
 * kind, and how it is written.
 */
#ifndef POLLER_PROFILE_CRM_FIELD_H
#define POLLER_PROFILE_CRM_FIELD_H

#include "common/base/buf.h"
#include "common/records/record.h"
#include "poller/profile/value.h"

#include <stdbool.h>
#include <stdint.h>

/* An identifier as text (owned), "" when there is none, NULL when it cannot be
 * one. */
char *crm_field_id(const struct value_view *v)
    __attribute__((warn_unused_result));

/* RFC 3339, " UTC" for Z allowed, or seconds; CLOCK_NONE when there is none.
 * -1: it is no time. */
int crm_field_time(const struct value_view *v, int64_t *ms)
    __attribute__((warn_unused_result));

/* -1: no status of chats. */
int crm_field_status(const struct value_view *v, enum chat_status *status)
    __attribute__((warn_unused_result));

/* It is that text. */
bool crm_field_is(const struct value_view *v, const char *s);

/* Appends the member, or nothing when it is absent. -1: it is not of the
 * field's kind. */
int crm_field_add(struct buf *b, const struct record_field *f,
    const struct value_view *v) __attribute__((warn_unused_result));
int crm_field_add_text(
    struct buf *b, const char *name, const struct value_view *v);

#endif
