/*
 * jwt: see jwt.h. libjwt 1.10 reads a token's header and claims before it
 * verifies, takes the algorithm from the header, lets base64 be sloppy and
 * members stand twice, knows no crit, and makes 0 of what is no number. So all
 * of that is checked here, on the token as it came, and the signature as well
 * before libjwt gets to see any of it; it has the last word on the token and
 * gives the texts of the claims.
 */
#include "common/http/jwt.h"

#include <jansson.h>
#include <jwt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/http/json_body.h"
#include "common/http/signature.h"
#include "common/records/record.h"

/* The last second that a time of ours may be in: of the year 9999. */
#define SECONDS_MAX INT64_C(253402300799)

/* Bytes of a MAC in base64url. */
#define MAC_TEXT 43

static const char base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct part {
	const char *p;
	size_t len;
};

enum { HEADER, CLAIMS, MAC, PARTS };

static int
refuse(struct buf *why, const char *reason)
{
	buf_setf(why, "%s", reason);
	return -1;
}

/* Appends the bytes. False: not base64url, or written in another way than the
 * one there is for these bytes. */
static bool
decode(const struct part *part, struct buf *to)
{
	unsigned bits = 0, n = 0;
	const char *digit;
	size_t i;

	if (part->len == 0 || part->len % 4 == 1)
		return false;
	for (i = 0; i < part->len; i++) {
		digit = strchr(base64url, part->p[i]);
		if (digit == NULL || *digit == '\0')
			return false;
		bits = bits << 6 | (unsigned)(digit - base64url);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_addc(to, (char)(bits >> n & 0xFF));
			bits &= (1u << n) - 1;
		}
	}
	return bits == 0;
}

static void
encode_mac(const unsigned char mac[SIGNATURE_MAC], char text[MAC_TEXT + 1])
{
	unsigned bits = 0, n = 0, i, at = 0;

	for (i = 0; i < SIGNATURE_MAC; i++) {
		bits = bits << 8 | mac[i];
		for (n += 8; n >= 6; bits &= (1u << n) - 1) {
			n -= 6;
			text[at++] = base64url[bits >> n & 63];
		}
	}
	text[at++] = base64url[bits << (6 - n) & 63];
	text[at] = '\0';
}

static int
split(const char *token, struct part parts[PARTS], struct buf *why)
{
	size_t i;

	if (strnlen(token, JWT_TOKEN_MAX + 1) > JWT_TOKEN_MAX)
		return refuse(why, "the token is longer than 8 KiB");
	for (i = 0; i < PARTS; i++) {
		parts[i].p = token;
		parts[i].len = strcspn(token, ".");
		token += parts[i].len;
		if (*token != (i < MAC ? '.' : '\0'))
			return refuse(why, "the token has not three parts");
		token += *token == '.';
	}
	return 0;
}

/* The key that made the signature, or NULL. Both are always tried. */
static const char *
find_key(const struct jwt_rules *rules, const struct part parts[PARTS])
{
	const struct signature_piece signed_text = { parts[HEADER].p,
		parts[HEADER].len + 1 + parts[CLAIMS].len };
	unsigned char mac[SIGNATURE_MAC];
	char text[MAC_TEXT + 1];
	const char *found = NULL;
	size_t i;

	for (i = 0; i < rules->keys_n; i++) {
		signature_mac(rules->keys[i], strlen(rules->keys[i]),
		    &signed_text, 1, mac);
		encode_mac(mac, text);
		if (signature_same_secret(text, parts[MAC].p, parts[MAC].len))
			found = rules->keys[i];
	}
	return found;
}

/* The JSON object of a part; NULL when it is none. */
static json_t *
read_part(const struct part *part)
{
	struct buf text = BUF_INIT;
	struct json_fault fault;
	json_t *v = NULL;

	if (decode(part, &text))
		v = json_body_read(text.data, text.len, &fault);
	buf_release(&text);
	if (v != NULL && !json_is_object(v)) {
		json_decref(v);
		v = NULL;
	}
	return v;
}

static bool
is_text(const json_t *v, const char *text)
{
	return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

/* alg, and beside it only what says nothing about how to read the token. */
static int
check_header(const struct part *part, struct buf *why)
{
	json_t *header = read_part(part), *value;
	const char *name;
	int rc = -1;

	if (header == NULL)
		return refuse(why, "the header is no JSON object");
	if (!is_text(json_object_get(header, "alg"), "HS256")) {
		buf_setf(why, "it is not signed with HS256");
	} else {
		rc = 0;
		json_object_foreach(header, name, value)
		{
			if (strcmp(name, "alg") == 0 ||
			    (strcmp(name, "typ") == 0 &&
				is_text(value, "JWT")) ||
			    (strcmp(name, "kid") == 0 &&
				json_is_string(value) &&
				parse_is_name(json_string_value(value), 64)))
				continue;
			rc = refuse(
			    why, "its header says more than alg, typ and kid");
		}
	}
	json_decref(header);
	return rc;
}

/* A claim that is a time: absent is 0, anything but a whole number of seconds
 * is -2, and -1 is not there though it must be. */
static int
read_time(const json_t *claims, const char *name, bool required, int64_t *s)
{
	const json_t *v = json_object_get(claims, name);

	if (v == NULL)
		return required ? -1 : 0;
	*s = json_integer_value(v);
	if (!json_is_integer(v) || *s < 0 || *s > SECONDS_MAX)
		return -2;
	return 1;
}

static int
check_times(const json_t *claims, int64_t now_s, struct buf *why)
{
	static const char *const begins[] = { "nbf", "iat" };
	int64_t s;
	size_t i;
	int rc = read_time(claims, "exp", true, &s);

	if (rc != 1)
		return refuse(why, rc == -1 ? "it never expires: exp is missing"
					    : "its exp is no time");
	if (s + JWT_LEEWAY_S <= now_s)
		return refuse(why, "it has expired");
	for (i = 0; i < ARRAY_LEN(begins); i++) {
		rc = read_time(claims, begins[i], false, &s);
		if (rc == -2)
			return refuse(why, "its nbf or iat is no time");
		if (rc == 1 && s - JWT_LEEWAY_S > now_s)
			return refuse(why, "it is not valid yet");
	}
	return 0;
}

static bool
is_for(const json_t *aud, const char *audience)
{
	size_t i;

	for (i = 0; i < json_array_size(aud); i++) {
		if (is_text(json_array_get(aud, i), audience))
			return true;
	}
	return is_text(aud, audience);
}

static int
check_claims(const struct jwt_rules *rules, const struct part *part,
    int64_t now_ms, struct buf *why)
{
	json_t *claims = read_part(part);
	int rc;

	if (claims == NULL)
		return refuse(why, "its claims are no JSON object");
	rc = check_times(claims, now_ms / 1000, why);
	if (rc == 0 && rules->issuer != NULL &&
	    !is_text(json_object_get(claims, "iss"), rules->issuer))
		rc = refuse(why, "its iss is not that of [listen] issuer");
	if (rc == 0 && rules->audience != NULL &&
	    !is_for(json_object_get(claims, "aud"), rules->audience))
		rc = refuse(why, "its aud is not that of [listen] audience");
	if (rc == 0 &&
	    !json_is_string(json_object_get(claims, rules->tenant_claim)))
		rc = refuse(why, "it names no tenant");
	json_decref(claims);
	return rc;
}

/* libjwt's own verdict, and the tenant. */
static int
take_tenant(const char *token, const char *key, const char *claim, char *tenant,
    struct buf *why)
{
	const char *name;
	jwt_t *jwt = NULL;
	int rc = -1;

	if (strlen(key) > INT_MAX ||
	    jwt_decode(&jwt, token, (const unsigned char *)key,
		(int)strlen(key)) != 0 ||
	    jwt_get_alg(jwt) != JWT_ALG_HS256) {
		buf_setf(why, "libjwt refuses it");
	} else {
		name = jwt_get_grant(jwt, claim);
		if (name != NULL && parse_is_name(name, RECORD_MAX_TENANT)) {
			memcpy(tenant, name, strlen(name) + 1);
			rc = 0;
		} else {
			buf_setf(why, "its tenant is no name of one");
		}
	}
	jwt_free(jwt);
	return rc;
}

int
jwt_check(const struct jwt_rules *rules, const char *token, int64_t now_ms,
    char *tenant, struct buf *why)
{
	struct part parts[PARTS];
	const char *key;

	if (split(token, parts, why) != 0)
		return -1;
	key = find_key(rules, parts);
	if (key == NULL)
		return refuse(why, "its signature is wrong");
	if (check_header(&parts[HEADER], why) != 0 ||
	    check_claims(rules, &parts[CLAIMS], now_ms, why) != 0)
		return -1;
	return take_tenant(token, key, rules->tenant_claim, tenant, why);
}
