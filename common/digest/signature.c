/*
 * signature: see signature.h. The MAC is computed regardless of the headers, so
 * the duration depends only on the length of the body.
 */
#include "common/digest/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/digest/encoding.h"

/* The greatest timestamp in seconds, in the year 5138. */
#define SECONDS_MAX INT64_C(99999999999)

static const char *const verdict_names[] = {
	[SIGNATURE_GOOD] = "good",
	[SIGNATURE_MISSING] = "missing",
	[SIGNATURE_MALFORMED] = "malformed",
	[SIGNATURE_STALE] = "stale",
	[SIGNATURE_WRONG] = "wrong",
};

const char *
signature_verdict_name(enum signature_verdict v)
{
	return verdict_names[v];
}

static void
digest_of(const EVP_MD *kind, const char *p, size_t len, unsigned char *digest)
{
	if (EVP_Digest(p, len, digest, NULL, kind, NULL) != 1)
		prog_die(PROG_TEMPFAIL,
		    "libcrypto cannot compute a digest; out of memory?");
}

void
signature_mac(const char *key, const char *text, size_t len,
    unsigned char mac[SIGNATURE_MAC])
{
	unsigned made;

	if (HMAC(EVP_sha256(), key, (int)strlen(key),
		(const unsigned char *)text, len, mac, &made) == NULL)
		prog_die(PROG_TEMPFAIL,
		    "libcrypto cannot compute a MAC; out of memory?");
}

void
signature_md5(const char *text, char hex[SIGNATURE_MD5_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	digest_of(EVP_md5(), text, strlen(text), digest);
	*hex_write(hex, digest, SIGNATURE_MD5_HEX / 2) = '\0';
}

bool
signature_same_secret(const char *known, const char *b, size_t b_len)
{
	unsigned char first[SIGNATURE_MAC], second[SIGNATURE_MAC];

	digest_of(EVP_sha256(), known, strlen(known), first);
	digest_of(EVP_sha256(), b, b_len, second);
	return CRYPTO_memcmp(first, second, sizeof first) == 0;
}

/* Reads the prefix and 64 hexadecimal digits, and nothing else. */
static bool
read_hex(const struct signature_scheme *s, const char *text,
    unsigned char mac[SIGNATURE_MAC])
{
	size_t skip = s->prefix != NULL ? strlen(s->prefix) : 0, i;
	int high, low;

	if (skip > 0 && strncmp(text, s->prefix, skip) != 0)
		return false;
	text += skip;
	if (strlen(text) != 2 * SIGNATURE_MAC)
		return false;
	for (i = 0; i < SIGNATURE_MAC; i++) {
		high = hex_digit(text[2 * i]);
		low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		mac[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static void
sign_claim(const struct signature_scheme *s, const char *key,
    const struct signature_claim *c, unsigned char mac[SIGNATURE_MAC])
{
	struct buf text = BUF_INIT;
	const char *part;
	size_t n;

	for (n = 0; (part = s->parts[n]) != NULL; n++) {
		if (strcmp(part, "body") == 0)
			buf_add(&text, c->body, c->len);
		else if (strcmp(part, "timestamp") != 0)
			buf_adds(&text, part);
		else if (c->timestamp != NULL)
			buf_adds(&text, c->timestamp);
	}
	signature_mac(key, buf_str(&text), text.len, mac);
	buf_release(&text);
}

enum signature_verdict
signature_check(const struct signature_scheme *s, const char *key,
    const struct signature_claim *c)
{
	unsigned char ours[SIGNATURE_MAC], theirs[SIGNATURE_MAC];
	int64_t seconds = 0, off;

	sign_claim(s, key, c, ours);
	if (c->signature == NULL || *c->signature == '\0' ||
	    (s->timestamp != NULL && c->timestamp == NULL))
		return SIGNATURE_MISSING;
	if (!read_hex(s, c->signature, theirs))
		return SIGNATURE_MALFORMED;
	if (s->timestamp != NULL &&
	    parse_int(c->timestamp, 0, SECONDS_MAX, &seconds) != 0)
		return SIGNATURE_MALFORMED;
	if (CRYPTO_memcmp(ours, theirs, sizeof ours) != 0)
		return SIGNATURE_WRONG;
	off = c->now_ms - seconds * 1000;
	if (s->timestamp != NULL && (off > s->window_ms || -off > s->window_ms))
		return SIGNATURE_STALE;
	return SIGNATURE_GOOD;
}
