/*
 * profile_try: calls one function of a profile with an answer or webhook from a
 * file, and shows the result: poller --try.
 */
#ifndef POLLER_CRM_PROFILE_TRY_H
#define POLLER_CRM_PROFILE_TRY_H

#include "poller/crm/profile.h"

/* True if the contract has a function with that name. */
bool profile_try_knows(const char *function);

/* True if that function gets no answer: about, and those that create a
 * request. */
bool profile_try_asks(const char *function);

/* Calls the function. answer: the CRM's response, or NULL. with: an object with
 * further members of the function's input, or NULL. Appends a line for each
 * record, then one with the other members of the result; for a request, its
 * line and its body. *why gets a line for each partly unreadable record, and
 * the reason if a call failed. Returns 0; or -1 if the profile failed. */
int profile_try(struct profile *p, const char *function, json_t *answer,
    json_t *with, struct buf *out, struct buf *why)
    __attribute__((warn_unused_result));

#endif
