/*
 * tape: records the answers of a CRM in a folder, one file each, and plays them
 * instead of querying the CRM: poller --record and --replay. People without an
 * account can therefore read a CRM's answers and test a profile.
 *
 * A file NNNNN.json contains the request's method and path, the status, the
 * headers that the poller reads, and the body. It does not contain the token,
 * nor personal data: in strings whose key suggests a name, a text, a phone
 * number or an address, every letter becomes x and every digit 0.
 *
 * An answer is played once, to a request with the same method and path, in the
 * order in which answers were recorded. If there is none with the same query,
 * the first one with any query is used, because times differ.
 */
#ifndef POLLER_CRM_TAPE_H
#define POLLER_CRM_TAPE_H

#include "poller/crm/http.h"

struct tape;

/* Owned. Returns NULL and *why if the folder cannot be made, is not empty, or
 * has no answers to play. */
struct tape *tape_record_to(const char *dir, struct buf *why)
    __attribute__((warn_unused_result));
struct tape *tape_replay_from(const char *dir, struct buf *why)
    __attribute__((warn_unused_result));
void tape_close(struct tape *t);

/* True if the tape answers, so that the CRM is not queried. */
bool tape_plays(const struct tape *t);

/* Records an answer. A file that cannot be written ends the program. */
void tape_keep(
    struct tape *t, const struct http_request *r, const struct http_answer *a);

/* Fills the answer; HTTP_NEVER and the reason if there is none. */
void tape_play(
    struct tape *t, const struct http_request *r, struct http_answer *a);

#endif
