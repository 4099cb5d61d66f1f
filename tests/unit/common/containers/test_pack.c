/*
 * Tests of common/containers/pack: every number is read back as it was written.
 * Bytes that are truncated anywhere, or that no packer writes, are refused
 * without reading beyond them.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#define LAYOUT 7

static const uint64_t numbers[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX,
	(uint64_t)INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };

static void
write_all(struct buf *b)
{
	size_t i;

	pack_put_number(b, LAYOUT);
	for (i = 0; i < ARRAY_LEN(numbers); i++) {
		pack_put_number(b, numbers[i]);
		pack_put_signed(b, (int64_t)numbers[i]);
		pack_put_fixed(b, numbers[i]);
	}
	pack_put_text(b, (struct text){ NULL, 0 });
	pack_put_text(b, (struct text){ "", 0 });
	pack_put_text(b, (struct text){ "a\0b", 3 });
	pack_put_number(b, 2);
	pack_put_number(b, 1);
	pack_put_number(b, 1);
}

/* True if everything is as it was written. */
static bool
read_all(const void *p, size_t len)
{
	struct pack r = pack_open(p, len, LAYOUT);
	struct text t[3];
	size_t i;
	bool same = true;

	for (i = 0; i < ARRAY_LEN(numbers); i++) {
		same &= pack_number(&r) == numbers[i];
		same &= pack_signed(&r) == (int64_t)numbers[i];
		same &= pack_fixed(&r) == numbers[i];
	}
	for (i = 0; i < 3; i++)
		t[i] = pack_text(&r);
	same &= pack_count(&r, 1) == 2 && pack_number(&r) == 1 &&
		pack_number(&r) == 1;
	if (pack_end(&r) == -1)
		return false;
	same &= t[0].p == NULL && t[1].p != NULL && t[1].len == 0;
	same &= t[2].len == 3 && memcmp(t[2].p, "a\0b", 3) == 0;
	return same;
}

static void
everything_comes_back(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	write_all(&b);
	assert_true(read_all(b.data, b.len));
	pack_put_number(&b, 0);
	assert_false(read_all(b.data, b.len));
	buf_release(&b);
}

/* A copy of exactly that size, so that a read beyond it is detected. */
static void
what_is_cut_is_refused(void **state)
{
	struct buf b = BUF_INIT;
	char *cut;
	size_t i;

	(void)state;
	write_all(&b);
	for (i = 0; i < b.len; i++) {
		cut = xmalloc(i + 1);
		memcpy(cut, b.data, i);
		assert_false(read_all(cut, i));
		free(cut);
	}
	buf_release(&b);
}

static void
what_nobody_writes_is_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		/* Numbers of more than 64 bits. */
		{ "\377\377\377\377\377\377\377\377\377\2", 10 },
		{ "\377\377\377\377\377\377\377\377\377\377\0", 11 },
		{ "\200", 1 },
		{ "", 0 },
	};
	struct pack r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		r = pack_open_bare(cases[i].bytes, cases[i].len);
		assert_int_equal(pack_number(&r), 0);
		assert_true(r.bad);
		/* And stays so, whatever follows. */
		assert_int_equal(pack_number(&r), 0);
		assert_null(pack_text(&r).p);
		assert_false(pack_more(&r));
		assert_int_equal(pack_end(&r), -1);
	}
	r = pack_open("\7", 1, LAYOUT + 1);
	assert_int_equal(pack_end(&r), -1);
	/* There is no space for three items of two bytes. */
	r = pack_open_bare("\3abcde", 6);
	assert_int_equal(pack_count(&r, 2), 0);
	assert_int_equal(pack_end(&r), -1);
	/* Only its last byte is missing. */
	r = pack_open_bare("\4ab", 3);
	assert_null(pack_text(&r).p);
	assert_int_equal(pack_end(&r), -1);
}

struct fields {
	uint64_t number;
	int64_t at, none;
	uint32_t limited;
	bool flag;
	struct text text, absent;
	char *string;
};

static void
code_fields(struct pack *k, struct fields *f)
{
	code_number(k, &f->number);
	code_signed(k, &f->at);
	code_signed(k, &f->none);
	code_limited(k, &f->limited, 7);
	code_flag(k, &f->flag);
	code_text(k, &f->text);
	code_text(k, &f->absent);
	code_string(k, &f->string);
}

static void
fields_come_back_by_the_function_that_wrote_them(void **state)
{
	char string[] = "a string";
	struct fields f = { UINT64_MAX, -5, INT64_MIN, 7, true, { "t", 1 },
		{ NULL, 0 }, string };
	struct fields got = { .number = 0 };
	struct buf b = BUF_INIT;
	struct pack k = pack_write(&b);

	(void)state;
	code_fields(&k, &f);
	k = pack_open_bare(b.data, b.len);
	code_fields(&k, &got);
	assert_int_equal(pack_end(&k), 0);
	assert_true(got.number == f.number && got.at == f.at &&
		    got.none == f.none && got.limited == f.limited && got.flag);
	assert_true(got.text.len == 1 && *got.text.p == 't');
	assert_null(got.absent.p);
	assert_string_equal(got.string, string);
	free(got.string);
	buf_release(&b);
	/* A flag of 2, a limited number of 8. */
	k = pack_open_bare("\2", 1);
	code_flag(&k, &got.flag);
	assert_int_equal(pack_end(&k), -1);
	k = pack_open_bare("\10", 1);
	code_limited(&k, &got.limited, 7);
	assert_int_equal(pack_end(&k), -1);
}

int
test_pack(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(what_is_cut_is_refused),
		cmocka_unit_test(what_nobody_writes_is_bad),
		cmocka_unit_test(
		    fields_come_back_by_the_function_that_wrote_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
