/*
 * forgotten_id: how the table `forgotten` names whom `reaper --forget` forgot:
 * a keyed hash of the id, so that the sink recognizes rows that arrive later,
 * and anyone who reads the table finds no id in it. The key is random and one
 * for each tenant (tenants.forget_key).
 */
#ifndef COMMON_DIGEST_FORGOTTEN_ID_H
#define COMMON_DIGEST_FORGOTTEN_ID_H

#include <stddef.h>
#include <stdint.h>

enum {
	FORGOTTEN_DIGEST = 32, /* characters of a digest */
	FORGOTTEN_KEY = 32,    /* and of a key */
};

enum forgotten_kind {
	FORGOTTEN_CUSTOMER, /* the id of a customer */
	FORGOTTEN_USER,     /* the same where ids of operators stand, too */
	FORGOTTEN_CHAT,     /* the id of a chat of the customer */
};

/* Reads a key as it is stored; -1 if it is none. */
int forgotten_key_read(const char *text, uint64_t key[2])
    __attribute__((warn_unused_result));

/* Draws a new key, and writes it as it is stored. */
void forgotten_key_draw(char text[FORGOTTEN_KEY + 1]);

/* The digest of an id, NUL-ended. */
void forgotten_digest(const uint64_t key[2], enum forgotten_kind kind,
    const char *id, size_t len, char digest[FORGOTTEN_DIGEST + 1]);

#endif
