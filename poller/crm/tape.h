/*
 * tape: keeps the answers of a CRM in a folder, a file each, and gives them
 * again instead of the CRM: poller --record and --replay. With it somebody who
 * has no account of a CRM can read what it answers, and a profile is tested
 * without one.
 *
 * A file NNNNN.json holds method and path of the request, status, the headers
 * that the poller reads, and the body. The token is not in it, nor are people:
 * of strings whose key speaks of a name, a text, a number of a telephone or an
 * address, every letter becomes x and every digit 0.
 *
 * An answer is given once, to a request with the same method and path, and in
 * the order in which answers were recorded; if there is none with the same
 * query, to the first one without regard to it, since times differ.
 */
#ifndef POLLER_CRM_TAPE_H
#define POLLER_CRM_TAPE_H

#include "poller/crm/http.h"

struct tape;

/* Owned. NULL and *why: the folder cannot be made, is not empty, or has no
 * answers to give. */
struct tape *tape_record_to(const char *dir, struct buf *why)
    __attribute__((warn_unused_result));
struct tape *tape_replay_from(const char *dir, struct buf *why)
    __attribute__((warn_unused_result));
void tape_close(struct tape *t);

/* True: the tape answers, and no CRM is asked. */
bool tape_plays(const struct tape *t);

/* Keeps an answer. A file that cannot be written ends the program. */
void tape_keep(
    struct tape *t, const struct http_request *r, const struct http_answer *a);

/* Fills the answer; HTTP_NEVER and the reason when there is none. */
void tape_play(
    struct tape *t, const struct http_request *r, struct http_answer *a);

#endif
