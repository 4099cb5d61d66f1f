/*
 * crm_field: checks one field of a record that a profile returned, and writes
 * it as JSON.
 */
#ifndef POLLER_PROFILE_CRM_FIELD_H
#define POLLER_PROFILE_CRM_FIELD_H

#include "common/base/buf.h"
#include "common/records/record.h"
#include "poller/profile/value.h"

#include <stdbool.h>
#include <stdint.h>

/* An identifier as text, "" if absent, NULL if it cannot be one. Owned. */
char *crm_field_id(const struct value_view *v)
    __attribute__((warn_unused_result));

/* A time in RFC 3339, " UTC" for Z allowed, or in seconds since 1970;
 * CLOCK_NONE if absent. -1: it is not a time. */
int crm_field_time(const struct value_view *v, int64_t *ms)
    __attribute__((warn_unused_result));

/* CHAT_NONE if absent. -1: it is not a status of chats. */
int crm_field_status(const struct value_view *v, enum chat_status *status)
    __attribute__((warn_unused_result));

/* Whether it is the text s. */
bool crm_field_is(const struct value_view *v, const char *s);

/* Appends the member, or nothing if it is absent. -1: it is not of the field's
 * kind. */
int crm_field_add(struct buf *b, const struct record_field *f,
    const struct value_view *v) __attribute__((warn_unused_result));

/* Appends a text about a person, 1020 bytes of it at most, or nothing if it is
 * none. */
void crm_field_add_name(
    struct buf *b, const char *name, const struct value_view *v);

#endif
