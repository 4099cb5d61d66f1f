/*
 * Tests of common/amqp_compress and of how amqp_inflow unpacks: bodies come out
 * as they went in, and what is damaged, too long or of another encoding does no
 * harm.
 */
#include "tests/unit/unit.h"

#include <lz4frame.h>
#include <string.h>

#include "common/amqp/amqp_compress.h"
#include "common/amqp/amqp_inflow.h"
#include "common/base/xalloc.h"

#define MAX_MESSAGE ((size_t)1 << 20)

static void
fill(struct buf *b, size_t lines)
{
	size_t i;

	buf_clear(b);
	for (i = 0; i < lines; i++)
		buf_addf(b, "{\"type\":\"message\",\"id\":\"%zu\"}\n", i);
}

/* A message as a broker delivers it, its body in two frames. */
static struct amqp_message
deliver(const char *encoding, const char *body, size_t len)
{
	amqp_basic_deliver_t d = { .delivery_tag = 1 };
	amqp_basic_properties_t p = { ._flags = 0 };
	size_t half = len / 2;
	amqp_frame_t frame[4] = {
		{ .frame_type = AMQP_FRAME_METHOD,
		    .payload.method = { AMQP_BASIC_DELIVER_METHOD, &d } },
		{ .frame_type = AMQP_FRAME_HEADER,
		    .payload.properties = { .decoded = &p, .body_size = len } },
		{ .frame_type = AMQP_FRAME_BODY,
		    .payload.body_fragment = { half, (void *)(size_t)body } },
		{ .frame_type = AMQP_FRAME_BODY,
		    .payload.body_fragment = { len - half,
			(void *)(size_t)(body + half) } },
	};
	struct amqp_inflow in;
	struct amqp_message m;
	bool whole = false;
	size_t i;

	if (encoding != NULL) {
		p._flags = AMQP_BASIC_CONTENT_ENCODING_FLAG;
		p.content_encoding = amqp_cstring_bytes(encoding);
	}
	amqp_inflow_init(&in, 2);
	in.max_message = MAX_MESSAGE;
	for (i = 0; i < ARRAY_LEN(frame); i++)
		assert_true(amqp_inflow_take(&in, &frame[i], &whole));
	assert_true(whole);
	m = amqp_inflow_next(&in);
	amqp_message_unpack(&m, MAX_MESSAGE);
	amqp_inflow_release(&in);
	return m;
}

static void
is_body(const char *encoding, const struct buf *sent, const struct buf *want)
{
	struct amqp_message m = deliver(encoding, sent->data, sent->len);

	assert_false(m.too_long);
	assert_false(m.damaged);
	assert_int_equal(m.size, want->len);
	assert_memory_equal(m.data, want->data, want->len);
	/* One byte behind it is the reader's, for a newline. */
	m.data[m.size] = '\n';
	amqp_message_release(&m);
}

static void
is_damaged(const struct buf *sent)
{
	struct amqp_message m = deliver("lz4", sent->data, sent->len);

	assert_false(m.too_long);
	assert_true(m.damaged);
	assert_int_equal(m.size, sent->len);
	amqp_message_release(&m);
}

static void
bodies_come_out_as_they_went_in(void **state)
{
	static const size_t lines[] = { 1, 40, 4000, 20000 };
	struct buf plain = BUF_INIT, packed = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		fill(&plain, lines[i]);
		amqp_compress(&packed, plain.data, plain.len);
		is_body("lz4", &packed, &plain);
		is_body(NULL, &plain, &plain);
		is_body("gzip", &packed, &packed);
		is_body("lz", &packed, &packed);
	}
	assert_in_range(packed.len, 1, plain.len / 3);
	buf_release(&plain);
	buf_release(&packed);
}

static void
add_frame(struct buf *to, const struct buf *plain)
{
	size_t bound = LZ4F_compressFrameBound(plain->len, NULL);

	buf_grown(to, LZ4F_compressFrame(buf_room(to, bound), bound,
			  plain->data, plain->len, NULL));
}

/* As the tool lz4 makes them: the length is not told; several are one; and one
 * of a kind that is to be passed over. */
static void
frames_of_others_are_read(void **state)
{
	static const char skipped[] = "\x50\x2a\x4d\x18\x03\0\0\0abc";
	struct buf plain = BUF_INIT, packed = BUF_INIT, twice = BUF_INIT;

	(void)state;
	fill(&plain, 20000);
	add_frame(&packed, &plain);
	is_body("lz4", &packed, &plain);
	buf_add(&packed, skipped, sizeof skipped - 1);
	is_body("lz4", &packed, &plain);
	fill(&plain, 10);
	buf_clear(&packed);
	add_frame(&packed, &plain);
	add_frame(&packed, &plain);
	buf_add(&twice, plain.data, plain.len);
	buf_add(&twice, plain.data, plain.len);
	is_body("lz4", &packed, &twice);
	buf_release(&plain);
	buf_release(&packed);
	buf_release(&twice);
}

/* Wherever it ends, and whichever byte is another one. */
static void
what_is_damaged_is_found(void **state)
{
	struct buf plain = BUF_INIT, packed = BUF_INIT, cut = BUF_INIT;
	size_t i, whole;

	(void)state;
	fill(&plain, 20);
	amqp_compress(&packed, plain.data, plain.len);
	whole = packed.len;
	for (i = 0; i < whole; i++) {
		packed.data[i] = (char)(packed.data[i] ^ 0x55);
		is_damaged(&packed);
		packed.data[i] = (char)(packed.data[i] ^ 0x55);
		buf_clear(&cut);
		buf_add(&cut, packed.data, i);
		if (i > 0)
			is_damaged(&cut);
	}
	buf_addc(&packed, '\n');
	is_damaged(&packed);
	is_damaged(&plain);
	buf_release(&plain);
	buf_release(&packed);
	buf_release(&cut);
}

/* Some bytes that hold many more than may be. */
static void
what_would_be_too_long_is_refused(void **state)
{
	struct buf plain = BUF_INIT, packed = BUF_INIT;
	struct amqp_message m;

	(void)state;
	memset(buf_room(&plain, 9 * MAX_MESSAGE), 'a', 9 * MAX_MESSAGE);
	buf_grown(&plain, MAX_MESSAGE);
	amqp_compress(&packed, plain.data, plain.len);
	is_body("lz4", &packed, &plain);
	buf_grown(&plain, 8 * MAX_MESSAGE);
	amqp_compress(&packed, plain.data, plain.len);
	assert_in_range(packed.len, 1, MAX_MESSAGE / 10);
	m = deliver("lz4", packed.data, packed.len);
	assert_true(m.too_long);
	assert_int_equal(m.size, packed.len);
	amqp_message_release(&m);
	buf_release(&plain);
	buf_release(&packed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_come_out_as_they_went_in),
		cmocka_unit_test(frames_of_others_are_read),
		cmocka_unit_test(what_is_damaged_is_found),
		cmocka_unit_test(what_would_be_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
