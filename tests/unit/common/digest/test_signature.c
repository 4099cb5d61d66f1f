/*
 * Tests of common/digest/signature against known values: RFC 4231, a signature
 * made by Chatwoot's rule, and MD5 from RFC 1321. tests/e2e/hooks.t compares
 * with `openssl dgst`.
 */
#include "tests/unit/tmpdir.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/digest/signature.h"

static void
repeat(char *to, char c, size_t n)
{
	memset(to, c, n);
	to[n] = '\0';
}

static void
assert_hex(
    const char *name, const unsigned char mac[SIGNATURE_MAC], const char *want)
{
	struct buf got = BUF_INIT;
	size_t i;

	for (i = 0; i < SIGNATURE_MAC; i++)
		buf_addf(&got, "%02x", (unsigned)mac[i]);
	if (strcmp(buf_str(&got), want) != 0)
		fail_msg("%s: %s, not %s", name, buf_str(&got), want);
	buf_release(&got);
}

/* RFC 4231, 4.2 to 4.8 without 4.6, whose result is truncated. */
static void
macs_are_those_of_the_rfc(void **state)
{
	char k20[21], k131[132], d50[51], dd50[51];
	const struct {
		const char *name, *key, *data, *want;
	} cases[] = {
		{ "1", k20, "Hi There",
		    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c"
		    "2e32cff7" },
		{ "2", "Jefe", "what do ya want for nothing?",
		    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b9"
		    "64ec3843" },
		{ "3", d50 + 30, dd50,
		    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514"
		    "ced565fe" },
		{ "4",
		    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
		    "\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
		    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
		    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
		    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
		    "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd",
		    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff4"
		    "6729665b" },
		{ "6", k131,
		    "Test Using Larger Than Block-Size Key - Hash Key First",
		    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f"
		    "0ee37f54" },
		{ "7", k131,
		    "This is a test using a larger than block-size key and a "
		    "larger than block-size data. The key needs to be hashed "
		    "before being used by the HMAC algorithm.",
		    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f5153"
		    "5c3a35e2" },
	};
	unsigned char mac[SIGNATURE_MAC];
	size_t i;

	(void)state;
	repeat(k20, '\x0b', 20);
	repeat(k131, '\xaa', 131);
	repeat(d50, '\xaa', 50);
	repeat(dd50, '\xdd', 50);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		signature_mac(
		    cases[i].key, cases[i].data, strlen(cases[i].data), mac);
		assert_hex(cases[i].name, mac, cases[i].want);
	}
}

static void
md5_is_that_of_the_rfc(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "d41d8cd98f00b204e9800998ecf8427e" },
		{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
		{ "1234567890123456789012345678901234567890123456789012345678"
		  "9012345678901234567890",
		    "57edf4a22be3c955ac49da2e2107b67a" },
	};
	char hex[SIGNATURE_MD5_HEX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		signature_md5(cases[i].text, hex);
		assert_string_equal(hex, cases[i].want);
	}
}

#define CHATWOOT                                                               \
	"b6b493ce9dc22775483468336fe6a66e662f04292f491c5f3709a658c2bcc4de"
#define UPPER "B6B493CE9DC22775483468336FE6A66E662F04292F491C5F3709A658C2BCC4DE"
#define STAMP "1750163802"
#define BODY "{\"event\":\"message_created\",\"id\":1}"

static void
only_what_is_signed_is_good(void **state)
{
	static const char *const parts[] = { "timestamp", ".", "body", NULL };
	static const struct signature_scheme scheme = { "X", "T",
		"sha256=", parts, 300000 };
	static const struct {
		const char *name, *key, *signature, *timestamp, *body;
		int64_t after_ms;
		enum signature_verdict want;
	} cases[] = {
		{ "as it is", "s3cr3t", "sha256=" CHATWOOT, STAMP, BODY, 0,
		    SIGNATURE_GOOD },
		{ "300 s old", "s3cr3t", "sha256=" CHATWOOT, STAMP, BODY,
		    300000, SIGNATURE_GOOD },
		{ "older", "s3cr3t", "sha256=" CHATWOOT, STAMP, BODY, 300001,
		    SIGNATURE_STALE },
		{ "from the future", "s3cr3t", "sha256=" CHATWOOT, STAMP, BODY,
		    -300001, SIGNATURE_STALE },
		{ "another key", "s3cr3T", "sha256=" CHATWOOT, STAMP, BODY, 0,
		    SIGNATURE_WRONG },
		{ "another body", "s3cr3t", "sha256=" CHATWOOT, STAMP, BODY " ",
		    0, SIGNATURE_WRONG },
		{ "another time", "s3cr3t", "sha256=" CHATWOOT, "1750163803",
		    BODY, 0, SIGNATURE_WRONG },
		{ "none", "s3cr3t", NULL, STAMP, BODY, 0, SIGNATURE_MISSING },
		{ "empty", "s3cr3t", "", STAMP, BODY, 0, SIGNATURE_MISSING },
		{ "no time", "s3cr3t", "sha256=" CHATWOOT, NULL, BODY, 0,
		    SIGNATURE_MISSING },
		{ "no prefix", "s3cr3t", CHATWOOT, STAMP, BODY, 0,
		    SIGNATURE_MALFORMED },
		{ "another hash", "s3cr3t", "sha1=" CHATWOOT, STAMP, BODY, 0,
		    SIGNATURE_MALFORMED },
		{ "upper case", "s3cr3t", "sha256=" UPPER, STAMP, BODY, 0,
		    SIGNATURE_GOOD },
		{ "too long", "s3cr3t", "sha256=" CHATWOOT "0", STAMP, BODY, 0,
		    SIGNATURE_MALFORMED },
		{ "cut", "s3cr3t", "sha256=b6b4", STAMP, BODY, 0,
		    SIGNATURE_MALFORMED },
		{ "a time that is none", "s3cr3t", "sha256=" CHATWOOT, "now",
		    BODY, 0, SIGNATURE_MALFORMED },
		{ "a time below zero", "s3cr3t", "sha256=" CHATWOOT, "-1", BODY,
		    0, SIGNATURE_MALFORMED },
		{ "a time beyond all", "s3cr3t", "sha256=" CHATWOOT,
		    "99999999999999999999", BODY, 0, SIGNATURE_MALFORMED },
		{ "no key", "", "sha256=" CHATWOOT, STAMP, BODY, 0,
		    SIGNATURE_WRONG },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		const struct signature_claim c = { cases[i].signature,
			cases[i].timestamp, cases[i].body,
			strlen(cases[i].body),
			INT64_C(1750163802000) + cases[i].after_ms };
		enum signature_verdict got =
		    signature_check(&scheme, cases[i].key, &c);

		if (got != cases[i].want)
			fail_msg("%s: %s, not %s", cases[i].name,
			    signature_verdict_name(got),
			    signature_verdict_name(cases[i].want));
	}
}

/* Each digit of a signature counts, including the last. */
static void
one_wrong_digit_is_noticed(void **state)
{
	static const char *const parts[] = { "timestamp", ".", "body", NULL };
	static const struct signature_scheme scheme = { "X", "T", NULL, parts,
		300000 };
	char text[] = CHATWOOT;
	const struct signature_claim c = { text, STAMP, BODY, strlen(BODY),
		INT64_C(1750163802000) };
	size_t i;

	(void)state;
	for (i = 0; text[i] != '\0'; i++) {
		char was = text[i];

		text[i] = was == '0' ? '1' : '0';
		if (signature_check(&scheme, "s3cr3t", &c) != SIGNATURE_WRONG)
			fail_msg("digit %zu does not count", i);
		text[i] = was;
	}
	assert_int_equal(
	    signature_check(&scheme, "s3cr3t", &c), SIGNATURE_GOOD);
}

/* The body comes first, without prefix and window, as in `printf '%s%s' BODY
 * STAMP | openssl dgst -sha256 -hmac KEY`. */
static void
other_schemes_are_data(void **state)
{
	static const char *const parts[] = { "body", "timestamp", NULL };
	static const char *const bare[] = { "body", NULL };
	static const struct signature_scheme appended = { "X", "T", NULL, parts,
		300000 };
	static const struct signature_scheme timeless = { "X", NULL, NULL, bare,
		0 };
	struct signature_claim c = {
		"7dbb1302de710c9db1b397d1d77a8a01990523e689c596e9bd46b8cc3339"
		"6cd7",
		STAMP, BODY, strlen(BODY), INT64_C(1750163802000)
	};

	(void)state;
	assert_int_equal(
	    signature_check(&appended, "s3cr3t", &c), SIGNATURE_GOOD);
	c.timestamp = NULL;
	assert_int_equal(
	    signature_check(&timeless, "s3cr3t", &c), SIGNATURE_WRONG);
	c.signature = "9ad75bf62d94cd85b54dd4524ede761517bd2c8dbfd2cd7c47d00b1"
		      "827c5dcc0";
	assert_int_equal(
	    signature_check(&timeless, "s3cr3t", &c), SIGNATURE_GOOD);
}

static void
secrets_are_compared_whole(void **state)
{
	(void)state;
	assert_true(signature_same_secret("abc", "abcd", 3));
	assert_false(signature_same_secret("abc", "abcd", 4));
	assert_false(signature_same_secret("abc", "ab", 2));
	assert_false(signature_same_secret("abc", "", 0));
	assert_false(signature_same_secret("abc", "abC", 3));
}

/* libcrypto's allocator, which may run out of memory. */
static bool no_memory;
static jmp_buf died;

static void *
scarce_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return no_memory ? NULL : xmalloc(n);
}

static void *
scarce_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return no_memory ? NULL : xrealloc(p, n, 1);
}

static void
scarce_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static void
die_jumps(enum exit_code code)
{
	no_memory = false;
	longjmp(died, (int)code);
}

/* systemd then starts the program again, which it does not after a bug. */
static void
without_memory_the_process_ends_for_now(void **state)
{
	unsigned char mac[SIGNATURE_MAC];
	char err[256];
	int saved, code;

	(void)state;
	prog_die_hook = die_jumps;
	saved = tmpdir_catch_stderr();
	code = setjmp(died);
	if (code == 0) {
		no_memory = true;
		signature_mac("key", "", 0, mac);
	}
	tmpdir_stderr(saved, err, sizeof err);
	prog_die_hook = NULL;
	assert_int_equal(code, PROG_TEMPFAIL);
	assert_non_null(strstr(err, "out of memory"));
}

int
test_signature(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(macs_are_those_of_the_rfc),
		cmocka_unit_test(md5_is_that_of_the_rfc),
		cmocka_unit_test(only_what_is_signed_is_good),
		cmocka_unit_test(one_wrong_digit_is_noticed),
		cmocka_unit_test(other_schemes_are_data),
		cmocka_unit_test(secrets_are_compared_whole),
		cmocka_unit_test(without_memory_the_process_ends_for_now),
	};

	if (CRYPTO_set_mem_functions(
		scarce_malloc, scarce_realloc, scarce_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
