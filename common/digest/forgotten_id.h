/*
 * forgotten_id: the form in which the table `forgotten` stores the ids that
 * `reaper --forget` erased. It is a keyed hash of the id: the sink recognises
 * rows that arrive later, but readers of the table cannot recover the id. Each
 * tenant has a random key (tenants.forget_key).
 */
#ifndef COMMON_DIGEST_FORGOTTEN_ID_H
#define COMMON_DIGEST_FORGOTTEN_ID_H

#include <stddef.h>
#include <stdint.h>

enum {
	FORGOTTEN_DIGEST = 32, /* length of a digest in characters */
	FORGOTTEN_KEY = 32,    /* length of a key */
};

enum forgotten_kind {
	FORGOTTEN_CUSTOMER, /* the id of a customer */
	FORGOTTEN_USER,     /* the same, in columns that may also contain an
			     * operator's id */
	FORGOTTEN_CHAT,     /* the id of one of the customer's chats */
};

/* Reads a key in its stored form; returns -1 if it is malformed. */
int forgotten_key_read(const char *text, uint64_t key[2])
    __attribute__((warn_unused_result));

/* Creates a new key in its stored form. */
void forgotten_key_draw(char text[FORGOTTEN_KEY + 1]);

/* Writes the digest of an id, with NUL. */
void forgotten_digest(const uint64_t key[2], enum forgotten_kind kind,
    const char *id, size_t len, char digest[FORGOTTEN_DIGEST + 1]);

#endif
