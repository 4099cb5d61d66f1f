/*
 * jwt: see jwt.h. libjwt 1.10 in Debian reads header and claims before it
 * verifies, takes the algorithm from the header, accepts malformed base64 and
 * duplicate members, ignores crit, and reads invalid numbers as 0. Therefore
 * tokens are read here; the MAC comes from libcrypto.
 */
#include "common/tokens/jwt.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/digest/encoding.h"
#include "common/digest/signature.h"
#include "common/json/jsonw.h"
#include "common/records/record.h"

#define BEARER "Bearer "
#define BLANKS " \t"

bool
bearer_add(struct buf *to, const char *header)
{
	size_t len;

	if (header == NULL || strncasecmp(header, BEARER, strlen(BEARER)) != 0)
		return false;
	header += strlen(BEARER);
	header += strspn(header, BLANKS);
	len = strlen(header);
	while (len > 0 && strchr(BLANKS, header[len - 1]) != NULL)
		len--;
	buf_add(to, header, len);
	return true;
}

/* The last second of the year 9999. */
#define SECONDS_MAX INT64_C(253402300799)

enum { HEADER, CLAIMS, MAC, PARTS };

static int
refuse_token(struct buf *why, const char *reason)
{
	buf_setf(why, "%s", reason);
	return -1;
}

static int
split_token(const char *token, struct text parts[PARTS], struct buf *why)
{
	size_t i;

	if (strnlen(token, JWT_TOKEN_MAX + 1) > JWT_TOKEN_MAX)
		return refuse_token(why, "the token is longer than 8 KiB");
	for (i = 0; i < PARTS; i++) {
		parts[i].p = token;
		parts[i].len = strcspn(token, ".");
		token += parts[i].len;
		if (*token != (i < MAC ? '.' : '\0'))
			return refuse_token(
			    why, "the token does not have three parts");
		token += *token == '.';
	}
	return 0;
}

/* Appends the signature of a text. */
static void
sign_text(struct buf *to, const char *key, const char *text, size_t len)
{
	unsigned char mac[SIGNATURE_MAC];

	signature_mac(key, text, len, mac);
	base64url_encode(to, mac, sizeof mac);
}

/* True if one of our keys made the signature. Always tries both, in constant
 * time. */
static bool
is_signed(const struct jwt_rules *rules, const struct text parts[PARTS])
{
	struct buf text = BUF_INIT;
	bool found = false;
	size_t i;

	for (i = 0; i < rules->keys_n; i++) {
		buf_clear(&text);
		sign_text(&text, rules->keys[i], parts[HEADER].p,
		    parts[HEADER].len + 1 + parts[CLAIMS].len);
		found |= signature_same_secret(
		    buf_str(&text), parts[MAC].p, parts[MAC].len);
	}
	buf_release(&text);
	return found;
}

/* Returns the JSON object of a part; NULL if it is not one. */
static json_t *
read_token_part(const struct text *part)
{
	struct buf text = BUF_INIT;
	json_error_t unused;
	json_t *v = NULL;

	if (base64url_decode(&text, part->p, part->len))
		v = json_loadb(
		    text.data, text.len, JSON_REJECT_DUPLICATES, &unused);
	buf_release(&text);
	if (v != NULL && !json_is_object(v)) {
		json_decref(v);
		v = NULL;
	}
	return v;
}

/* A media type, so its case does not matter (RFC 7515, 4.1.9). */
static bool
is_type_jwt(const json_t *v)
{
	return json_is_string(v) &&
	       strcasecmp(json_string_value(v), "JWT") == 0;
}

static bool
claim_is(const json_t *v, const char *text)
{
	return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

/* Accepts alg, and members that do not change how a token is read. */
static int
check_member(const char *name, const json_t *value, struct buf *why)
{
	if (strcmp(name, "alg") == 0)
		return 0;
	if (strcmp(name, "typ") == 0)
		return is_type_jwt(value)
			   ? 0
			   : refuse_token(why, "its typ is not JWT");
	if (strcmp(name, "kid") != 0)
		return refuse_token(
		    why, "its header has fields other than alg, typ and kid");
	return json_is_string(value) &&
		       parse_is_name(json_string_value(value), 64)
		   ? 0
		   : refuse_token(why,
			 "its kid is not a name of up to 64 letters, digits, "
			 "'.', '_' and '-'");
}

static int
check_header(const struct text *part, struct buf *why)
{
	json_t *header = read_token_part(part), *value;
	const char *name;
	int rc = -1;

	if (header == NULL)
		return refuse_token(why, "the header is not a JSON object");
	if (!claim_is(json_object_get(header, "alg"), "HS256")) {
		buf_setf(why, "it is not signed with HS256");
	} else {
		rc = 0;
		json_object_foreach (header, name, value) {
			if (rc == 0)
				rc = check_member(name, value, why);
		}
	}
	json_decref(header);
	return rc;
}

/* Reads a claim that is a time in seconds, without its fraction. Returns 1, 0
 * if it is absent, -1 if it is absent but required, -2 if it is not a time. */
static int
read_claim_time(
    const json_t *claims, const char *name, bool required, int64_t *s)
{
	const json_t *v = json_object_get(claims, name);

	if (v == NULL)
		return required ? -1 : 0;
	if (!json_is_number(v) || json_number_value(v) < 0 ||
	    json_number_value(v) > (double)SECONDS_MAX)
		return -2;
	*s = json_is_integer(v) ? json_integer_value(v)
				: (int64_t)json_real_value(v);
	return 1;
}

static int
check_times(const json_t *claims, int64_t now_s, struct buf *why)
{
	static const char *const begins[] = { "nbf", "iat" };
	int64_t s;
	size_t i;
	int rc = read_claim_time(claims, "exp", true, &s);

	if (rc != 1)
		return refuse_token(
		    why, rc == -1 ? "it never expires: exp is missing"
				  : "its exp is not a time");
	if (s + JWT_LEEWAY_S <= now_s)
		return refuse_token(why, "it has expired");
	for (i = 0; i < ARRAY_LEN(begins); i++) {
		rc = read_claim_time(claims, begins[i], false, &s);
		if (rc == -2)
			return refuse_token(
			    why, "its nbf or iat is not a time");
		if (rc == 1 && s - JWT_LEEWAY_S > now_s)
			return refuse_token(why, "it is not valid yet");
	}
	return 0;
}

static bool
is_for(const json_t *aud, const char *audience)
{
	size_t i;

	for (i = 0; i < json_array_size(aud); i++) {
		if (claim_is(json_array_get(aud, i), audience))
			return true;
	}
	return claim_is(aud, audience);
}

static int
take_tenant(const json_t *name, char *tenant, struct buf *why)
{
	if (!json_is_string(name))
		return refuse_token(why, "it names no tenant");
	if (!parse_is_name(json_string_value(name), RECORD_MAX_TENANT))
		return refuse_token(
		    why, "its tenant is not a valid tenant name");
	memcpy(tenant, json_string_value(name), json_string_length(name) + 1);
	return 0;
}

/* Copies a text of 1 to room - 1 printable bytes; does nothing if there is no
 * such claim. */
static bool
copy_claim(const json_t *v, char *to, size_t room)
{
	const char *text = json_string_value(v);
	size_t len = json_string_length(v);

	to[0] = '\0';
	if (v == NULL)
		return true;
	if (text == NULL || len == 0 || len >= room ||
	    !text_is_printable(text, len))
		return false;
	memcpy(to, text, len + 1);
	return true;
}

static bool
copy_teams(const json_t *list, char *to, size_t room)
{
	size_t i, len;

	to[0] = '\0';
	if (list != NULL && !json_is_array(list))
		return false;
	for (i = 0; i < json_array_size(list); i++) {
		if (json_array_get(list, i) == NULL || room < 2 ||
		    !copy_claim(json_array_get(list, i), to, room - 1))
			return false;
		len = strlen(to);
		to[len++] = '\n';
		to[len] = '\0';
		to += len;
		room -= len;
	}
	return true;
}

/* Reads the claims that need not be there. */
static void
read_other_claims(const json_t *claims, struct jwt_claims *c)
{
	const json_t *role = json_object_get(claims, "role");
	const json_t *teams = json_object_get(claims, "teams");

	c->has_role = role != NULL && !json_is_null(role) &&
		      !(json_is_string(role) && json_string_length(role) == 0);
	c->in_teams = teams != NULL;
	c->are_short =
	    copy_claim(role, c->role, sizeof c->role) &&
	    copy_claim(json_object_get(claims, "sub"), c->subject,
		sizeof c->subject) &&
	    copy_claim(json_object_get(claims, "jti"), c->id, sizeof c->id) &&
	    copy_teams(teams, c->teams, sizeof c->teams);
	(void)read_claim_time(claims, "exp", true, &c->expires_s);
}

static int
check_claims(const struct jwt_rules *rules, const struct text *part,
    int64_t now_ms, char *tenant, struct jwt_claims *c, struct buf *why)
{
	json_t *claims = read_token_part(part);
	int rc;

	if (claims == NULL)
		return refuse_token(why, "its claims are not a JSON object");
	rc = check_times(claims, now_ms / 1000, why);
	if (rc == 0 && rules->issuer != NULL &&
	    !claim_is(json_object_get(claims, "iss"), rules->issuer))
		rc = refuse_token(why, "its iss differs from [listen] issuer");
	if (rc == 0 && rules->audience != NULL &&
	    !is_for(json_object_get(claims, "aud"), rules->audience))
		rc =
		    refuse_token(why, "its aud differs from [listen] audience");
	if (rc == 0)
		rc = take_tenant(
		    json_object_get(claims, rules->tenant_claim), tenant, why);
	if (rc == 0)
		read_other_claims(claims, c);
	json_decref(claims);
	return rc;
}

int
jwt_check(const struct jwt_rules *rules, const char *token, int64_t now_ms,
    char *tenant, struct jwt_claims *c, struct buf *why)
{
	struct text parts[PARTS];

	if (split_token(token, parts, why) != 0)
		return -1;
	if (!is_signed(rules, parts))
		return refuse_token(why, "its signature is wrong");
	if (check_header(&parts[HEADER], why) != 0)
		return -1;
	return check_claims(rules, &parts[CLAIMS], now_ms, tenant, c, why);
}

static void
add_token_teams(struct buf *claims, const char *teams)
{
	size_t len;

	jsonw_key(claims, "teams");
	jsonw_list(claims);
	for (; *teams != '\0'; teams += len + (teams[len] == ',')) {
		len = strcspn(teams, ",");
		jsonw_next(claims);
		jsonw_quote(claims, teams, len);
	}
	jsonw_list_end(claims);
}

/* Returns -1 and *why if the tenant's claim has the name of another claim, or
 * if a text is not UTF-8. */
static int
write_claims(struct buf *to, const struct jwt_rules *rules,
    const struct jwt_content *c, struct buf *why)
{
	const char *const texts[][2] = {
		{ "role", c->role },
		{ "jti", c->id },
		{ "sub", c->subject },
		{ "iss", rules->issuer },
		{ "aud", rules->audience },
	};
	const char *tenant = rules->tenant_claim;
	bool twice = strcmp(tenant, "iat") == 0 || strcmp(tenant, "exp") == 0 ||
		     (c->teams != NULL && strcmp(tenant, "teams") == 0);
	size_t i;

	jsonw_open(to);
	jsonw_str(to, tenant, c->tenant);
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i][1] == NULL)
			continue;
		twice |= strcmp(tenant, texts[i][0]) == 0;
		jsonw_str(to, texts[i][0], texts[i][1]);
	}
	if (c->teams != NULL)
		add_token_teams(to, c->teams);
	jsonw_int(to, "iat", c->issued_s);
	jsonw_int(to, "exp", c->expires_s);
	jsonw_close(to);
	if (twice)
		buf_setf(why,
		    "[listen] tenant_claim is '%s', which these tokens use for "
		    "another claim; choose another name",
		    tenant);
	else if (!parse_is_utf8(to->data, to->len))
		buf_setf(why, "a text of the token is not UTF-8");
	else
		return 0;
	return -1;
}

int
jwt_sign(const struct jwt_rules *rules, const struct jwt_content *c,
    struct buf *token, struct buf *why)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	struct buf claims = BUF_INIT;
	size_t begin = token->len, end;
	int rc = -1;

	if (rules->keys_n == 0)
		buf_setf(why, "no key to sign tokens with");
	else
		rc = write_claims(&claims, rules, c, why);
	if (rc == 0) {
		base64url_encode(token, header, sizeof header - 1);
		buf_addc(token, '.');
		base64url_encode(token, claims.data, claims.len);
		end = token->len;
		buf_addc(token, '.');
		sign_text(
		    token, rules->keys[0], token->data + begin, end - begin);
	}
	buf_release(&claims);
	return rc;
}

/* Adds the key with that name. Returns NULL if there is no such key, or if it
 * could not be read (*why). */
static int
take_token_key(struct jwt_conf *j, char *key, const char *section,
    const char *name, enum exit_code *code, struct buf *why)
{
	if (key == NULL && why->len > 0)
		*code = syserr_code(errno, PROG_CONFIG);
	if (key == NULL)
		return why->len > 0 ? -1 : 0;
	j->secrets[j->rules.keys_n] = key;
	if (strlen(key) < JWT_KEY_LEAST) {
		buf_setf(why,
		    "[%s] %s has %zu bytes; at least %d random bytes are "
		    "needed; create a key with: openssl rand -hex 32",
		    section, name, strlen(key), JWT_KEY_LEAST);
		return -1;
	}
	j->rules.keys[j->rules.keys_n++] = key;
	return 0;
}

int
jwt_conf_read(struct jwt_conf *j, const struct conf *conf, const char *section,
    enum exit_code *code, struct buf *why)
{
	bool plain = conf_text(conf, section, "secret_key") != NULL;
	const char *old = conf_text(conf, section, "secret_key_old_file");
	char *key;

	j->rules.issuer = conf_text(conf, section, "issuer");
	j->rules.audience = conf_text(conf, section, "audience");
	j->rules.tenant_claim = conf_text(conf, section, "tenant_claim");
	key = conf_secret(conf, section, "secret_key", why);
	if (take_token_key(j, key, section,
		plain ? "secret_key" : "secret_key_file", code, why) != 0)
		return -1;
	if (j->rules.keys_n == 0 && old != NULL) {
		buf_setf(why,
		    "[%s] has secret_key_old_file but no key; set "
		    "secret_key_file",
		    section);
		return -1;
	}
	key = secret_choose(section, "secret_key_old", NULL, old, why);
	return take_token_key(
	    j, key, section, "secret_key_old_file", code, why);
}

void
jwt_conf_release(struct jwt_conf *j)
{
	size_t i;

	for (i = 0; i < JWT_KEYS; i++)
		secret_free(j->secrets[i]);
}
