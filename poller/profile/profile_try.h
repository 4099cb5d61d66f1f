/*
 * profile_try: calls one function of a profile with an answer or a webhook that
 * somebody has in a file, and shows what it makes of it: poller --try.
 */
#ifndef POLLER_PROFILE_PROFILE_TRY_H
#define POLLER_PROFILE_PROFILE_TRY_H

#include "poller/profile/profile.h"

/* Whether the name is that of a function of the contract. */
bool profile_try_knows(const char *function);

/* Whether that function gets no answer: about, or one that makes a request. */
bool profile_try_asks(const char *function);

/* Calls the function. answer: what the CRM sent; NULL: nothing. with: an object
 * with further members of the function's input, or NULL. Appends a line for
 * each record, then one with the other members of the result; of a request,
 * its line and its body. *why gets a line for each record that cannot be read
 * wholly, and why a call failed. 0; or -1: the profile failed. */
int profile_try(struct profile *p, const char *function,
    const struct value *answer, const struct value *with, struct buf *out,
    struct buf *why) __attribute__((warn_unused_result));

#endif
