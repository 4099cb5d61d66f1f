/*
 * Tests of common/amqp/amqp_inflow: which id a message of the broker has.
 */
#include "tests/unit/unit.h"

#include "common/amqp/amqp_inflow.h"
#include "common/base/xalloc.h"

/* The frames of a message with a body of one byte, as the broker sends them;
 * id NULL: without. */
static struct amqp_message
message_with(const char *id)
{
	amqp_basic_deliver_t deliver = { .delivery_tag = 1 };
	amqp_basic_properties_t properties = {
		._flags = id != NULL ? AMQP_BASIC_MESSAGE_ID_FLAG : 0,
		.message_id = amqp_cstring_bytes(id != NULL ? id : "")
	};
	amqp_frame_t method = { .frame_type = AMQP_FRAME_METHOD };
	amqp_frame_t header = { .frame_type = AMQP_FRAME_HEADER };
	amqp_frame_t body = { .frame_type = AMQP_FRAME_BODY };
	struct amqp_message m;
	struct amqp_inflow in;
	bool whole = false;

	method.payload.method.id = AMQP_BASIC_DELIVER_METHOD;
	method.payload.method.decoded = &deliver;
	header.payload.properties.decoded = &properties;
	header.payload.properties.body_size = 1;
	body.payload.body_fragment = amqp_cstring_bytes("x");
	amqp_inflow_init(&in, 1);
	in.max_message = 100;
	assert_true(amqp_inflow_take(&in, &method, &whole));
	assert_true(amqp_inflow_take(&in, &header, &whole));
	assert_true(amqp_inflow_take(&in, &body, &whole));
	assert_true(whole);
	m = amqp_inflow_next(&in);
	amqp_inflow_release(&in);
	return m;
}

static void
an_id_that_names_nothing_is_none(void **state)
{
	static const struct {
		const char *id;
		bool counts;
	} rows[] = {
		{ NULL, false },
		{ "", false },
		{ "a\nb", false },
		{ "\t", false },
		{ "a\x7f", false },
		{ "a b", true },
		{ "\u00e9", true },
	};
	struct amqp_message m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		m = message_with(rows[i].id);
		if (rows[i].counts)
			assert_string_equal(m.id, rows[i].id);
		else
			assert_null(m.id);
		amqp_message_release(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_that_names_nothing_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
