/*
 * signature: see signature.h. The MAC is computed whatever the headers are, so
 * that the duration depends on the length of the body alone.
 */
#include "common/http/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/digest/hex.h"

#define BLOCK 64 /* of SHA-256 */

/* The greatest timestamp, in seconds: of the year 5138. */
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

/* What takes no memory fails only when the library is broken. */
static void
libcrypto_must(int ok)
{
	if (ok != 1)
		prog_die(PROG_SOFTWARE, "libcrypto does not work");
}

/* That takes memory, and the library does not say whether there was some. */
static EVP_MD_CTX *
begin_digest(const EVP_MD *kind)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c == NULL || EVP_DigestInit_ex(c, kind, NULL) != 1)
		prog_die(PROG_TEMPFAIL,
		    "libcrypto cannot begin a digest: out of memory?");
	return c;
}

static void
end_digest(EVP_MD_CTX *c, unsigned char *digest)
{
	libcrypto_must(EVP_DigestFinal_ex(c, digest, NULL));
	EVP_MD_CTX_free(c);
}

static void
sha256(const char *p, size_t len, unsigned char digest[SIGNATURE_MAC])
{
	EVP_MD_CTX *c = begin_digest(EVP_sha256());

	libcrypto_must(EVP_DigestUpdate(c, p, len));
	end_digest(c, digest);
}

/* RFC 2104: both halves begin with the key, padded and XORed. */
static EVP_MD_CTX *
begin_half(const unsigned char key[BLOCK], unsigned char mask)
{
	EVP_MD_CTX *c = begin_digest(EVP_sha256());
	unsigned char pad[BLOCK];
	size_t i;

	for (i = 0; i < BLOCK; i++)
		pad[i] = key[i] ^ mask;
	libcrypto_must(EVP_DigestUpdate(c, pad, sizeof pad));
	OPENSSL_cleanse(pad, sizeof pad);
	return c;
}

void
signature_mac(const char *key, size_t key_len,
    const struct signature_piece *pieces, size_t n,
    unsigned char mac[SIGNATURE_MAC])
{
	unsigned char block[BLOCK] = { 0 }, inner[SIGNATURE_MAC];
	EVP_MD_CTX *c;
	size_t i;

	if (key_len > BLOCK)
		sha256(key, key_len, block);
	else
		memcpy(block, key, key_len);
	c = begin_half(block, 0x36);
	for (i = 0; i < n; i++)
		libcrypto_must(EVP_DigestUpdate(c, pieces[i].p, pieces[i].len));
	end_digest(c, inner);
	c = begin_half(block, 0x5C);
	libcrypto_must(EVP_DigestUpdate(c, inner, sizeof inner));
	end_digest(c, mac);
	OPENSSL_cleanse(block, sizeof block);
}

void
signature_md5(const char *text, char hex[SIGNATURE_MD5_HEX])
{
	EVP_MD_CTX *c = begin_digest(EVP_md5());
	unsigned char digest[EVP_MAX_MD_SIZE];

	libcrypto_must(EVP_DigestUpdate(c, text, strlen(text)));
	end_digest(c, digest);
	*hex_write(hex, digest, SIGNATURE_MD5_HEX / 2) = '\0';
}

bool
signature_same_secret(const char *known, const char *b, size_t b_len)
{
	unsigned char first[SIGNATURE_MAC], second[SIGNATURE_MAC];

	sha256(known, strlen(known), first);
	sha256(b, b_len, second);
	return CRYPTO_memcmp(first, second, sizeof first) == 0;
}

/* Reads 64 hexadecimal digits behind the prefix, and nothing else. */
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
	struct signature_piece pieces[8];
	size_t n;

	for (n = 0; n < ARRAY_LEN(pieces) && s->parts[n] != NULL; n++) {
		const char *part = s->parts[n];

		if (strcmp(part, "body") == 0) {
			pieces[n] = (struct signature_piece){ c->body, c->len };
			continue;
		}
		if (strcmp(part, "timestamp") == 0)
			part = c->timestamp != NULL ? c->timestamp : "";
		pieces[n] = (struct signature_piece){ part, strlen(part) };
	}
	signature_mac(key, strlen(key), pieces, n, mac);
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
