/*
 * signature: whether a webhook comes from who it says: HMAC-SHA256 over the
 * raw bytes, and secrets, compared in constant time. libcrypto is seen in
 * signature.c only.
 */
#ifndef COMMON_HTTP_SIGNATURE_H
#define COMMON_HTTP_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_MAC 32
#define SIGNATURE_MD5_HEX 33 /* with its NUL */

/* How a CRM signs, as its profile says. Texts are borrowed. */
struct signature_scheme {
	const char *header;    /* that bears the signature */
	const char *timestamp; /* that bears the time; NULL: none does */
	const char *prefix;    /* before the hexadecimal digits, or NULL */
	/* What is signed, in order, NULL-ended: "timestamp", "body", and what
	 * stands between them. */
	const char *const *parts;
	int64_t window_ms; /* how far the time may be from now */
};

enum signature_verdict {
	SIGNATURE_GOOD,
	SIGNATURE_MISSING,   /* of the signature or of the time */
	SIGNATURE_MALFORMED, /* not 64 lower-case digits, or no time */
	SIGNATURE_STALE,
	SIGNATURE_WRONG,
};

/* What the headers are; NULL: not there. */
struct signature_claim {
	const char *signature, *timestamp;
	const char *body;
	size_t len;
	int64_t now_ms;
};

enum signature_verdict signature_check(const struct signature_scheme *s,
    const char *key, const struct signature_claim *c);

/* For the log: "missing", ... */
const char *signature_verdict_name(enum signature_verdict v);

/* HMAC-SHA256 of several pieces, one after the other. */
struct signature_piece {
	const char *p;
	size_t len;
};
void signature_mac(const char *key, size_t key_len,
    const struct signature_piece *pieces, size_t n,
    unsigned char mac[SIGNATURE_MAC]);

/* Takes a time that depends on b's length at most. */
bool signature_same_secret(const char *known, const char *b, size_t b_len);

/* The MD5 of a text in lower-case hexadecimal: some keys are made so. */
void signature_md5(const char *text, char hex[SIGNATURE_MD5_HEX]);

#endif
