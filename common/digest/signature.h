/*
 * signature: verifies the senders of webhooks by HMAC-SHA256 over the raw
 * bytes, or by a secret, compared in constant time. Only signature.c includes
 * libcrypto.
 */
#ifndef COMMON_DIGEST_SIGNATURE_H
#define COMMON_DIGEST_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_MAC 32
#define SIGNATURE_MD5_HEX 33 /* with NUL */

/* How a CRM signs, according to its profile. Texts are borrowed. */
struct signature_scheme {
	const char *header;    /* header with the signature */
	const char *timestamp; /* header with the time; NULL: none */
	const char *prefix;    /* before the hexadecimal digits, or NULL */
	/* The signed data, in order: "timestamp", "body", and any text between
	 * them. Ends with NULL. */
	const char *const *parts;
	int64_t window_ms; /* how far the time may differ from now */
};

enum signature_verdict {
	SIGNATURE_GOOD,
	SIGNATURE_MISSING,   /* no signature, or no time */
	SIGNATURE_MALFORMED, /* not 64 hexadecimal digits, or not a time */
	SIGNATURE_STALE,
	SIGNATURE_WRONG,
};

/* The values of the headers; NULL: absent. */
struct signature_claim {
	const char *signature, *timestamp;
	const char *body;
	size_t len;
	int64_t now_ms;
};

enum signature_verdict signature_check(const struct signature_scheme *s,
    const char *key, const struct signature_claim *c);

/* Returns a word for the log: "missing", ... */
const char *signature_verdict_name(enum signature_verdict v);

/* Computes HMAC-SHA256. */
void signature_mac(const char *key, const char *text, size_t len,
    unsigned char mac[SIGNATURE_MAC]);

/* True if both are equal. The duration depends only on b's length. */
bool signature_same_secret(const char *known, const char *b, size_t b_len);

/* Writes the MD5 of a text in lower-case hexadecimal, which some CRMs use as a
 * key. */
void signature_md5(const char *text, char hex[SIGNATURE_MD5_HEX]);

#endif
