/*
 * Tests of an operator's name in an incremental model: a row has the name that
 * the CRM has now; of an operator who is not listed any more, the one that was
 * known last, over any restart. And that a chat's holder keeps the name that
 * dropped messages gave.
 */
#include "tests/unit/model_stream.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/metrics/metrics.h"
#include "aggregator/model/model_pack.h"

#define START INT64_C(1795168800000)

#define STEPS 4

/* What is reported of operator A, who has a chat; the name in A's row then. */
static const struct {
	const char *input[STEPS], *name;
} stories[] = {
	{ { "snapshot Ann" }, "Ann" },
	{ { "snapshot Ann", "snapshot" }, NULL },
	{ { "snapshot Ann", "without" }, "Ann" },
	{ { "snapshot Ann", "snapshot", "without" }, "Ann" },
	{ { "snapshot Ann", "snapshot", "without", "without" }, "Ann" },
	{ { "snapshot Ann", "snapshot", "snapshot Eve", "without" }, "Eve" },
	{ { "snapshot Ann", "without", "snapshot" }, NULL },
	{ { "snapshot Ann", "snapshot", "record" }, "Ann" },
	{ { "record Ann", "snapshot", "without" }, "Ann" },
	{ { "record Ann", "record", "without" }, "Ann" },
	{ { "snapshot", "without" }, NULL },
};

static const struct text tenant = { "t", 1 };
static const struct text somebody = { "A", 1 };

static void
add_operator(struct model *m, const char *input)
{
	const char *name = strchr(input, ' ');
	struct record r;

	record_clear(&r);
	r.type = RECORD_OPERATOR;
	r.operator_id = somebody;
	if (name != NULL) {
		r.name.p = name + 1;
		r.name.len = strlen(name + 1);
	}
	(void)model_add(m, &r);
}

static void
add_chat(struct model *m, int64_t at)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_CHAT;
	r.chat.p = "c";
	r.chat.len = 1;
	r.at = START + at;
	r.status = CHAT_OPEN;
	r.operator_id = somebody;
	(void)model_add(m, &r);
}

static void
apply_input(struct model *m, const char *input, int64_t at)
{
	struct model s;

	if (strncmp(input, "record", 6) == 0) {
		add_chat(m, at);
		add_operator(m, input);
	} else {
		model_init(&s, tenant, false, START + at);
		add_chat(&s, at);
		if (strncmp(input, "snapshot", 8) == 0)
			add_operator(&s, input);
		model_merge(m, &s, NULL);
		model_release(&s);
	}
	model_recompute(m, &definition_ours);
}

static void
begin(struct model *m)
{
	model_stream_begin(m, INT64_C(24) * 3600 * 1000);
}

/* What is known of A and the chat goes into another model. */
static void
restart(struct model *m)
{
	struct buf b[3] = { BUF_INIT };
	size_t i;

	model_pack_tenant(m, &b[0]);
	model_pack_operator(m, m->operators[0], &b[1]);
	model_pack_chat(m, m->chats[0], &b[2]);
	model_release(m);
	begin(m);
	assert_int_equal(model_unpack_tenant(m, b[0].data, b[0].len), 0);
	assert_int_equal(model_unpack_operator(m, b[1].data, b[1].len), 0);
	assert_int_equal(model_unpack_chat(m, b[2].data, b[2].len, 1), 0);
	for (i = 0; i < ARRAY_LEN(b); i++)
		buf_release(&b[i]);
}

static void
check_name(const struct model *m, const char *want)
{
	const struct metric *f = metric_find("operator_metrics");
	struct rowset rows = { .metric = f };
	const struct cell *c;

	metric_emit(m, &rows, ROWS_ALL);
	assert_int_equal(rows.n, 1);
	c = &rowset_get(&rows, 0)[metric_column(f, "name")];
	assert_int_equal(c->set, want != NULL);
	if (want != NULL && !text_is(c->text, want))
		fail_msg("%.*s, and not %s", TEXT_ARG(c->text), want);
	rowset_release(&rows);
}

static void
live(size_t story, bool restarts)
{
	struct model m;
	size_t i;

	begin(&m);
	for (i = 0; i < STEPS && stories[story].input[i] != NULL; i++) {
		apply_input(&m, stories[story].input[i], (int64_t)i * 1000);
		model_clear_changed(&m);
		if (restarts)
			restart(&m);
	}
	check_name(&m, stories[story].name);
	model_release(&m);
}

static void
the_last_known_name_is_kept(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(stories); i++) {
		print_message("story %zu\n", i);
		live(i, false);
		live(i, true);
	}
}

/* In the one-shot mode the snapshot's come after those of the stream. */
static void
a_stream_by_hand_keeps_the_name_that_it_tells(void **state)
{
	struct model m, s;

	(void)state;
	model_init(&m, tenant, true, CLOCK_NONE);
	add_operator(&m, "record Ann");
	model_init(&s, tenant, false, START);
	add_chat(&s, 0);
	add_operator(&s, "snapshot");
	model_copy(&m, &s);
	model_release(&s);
	model_recompute(&m, &definition_ours);
	check_name(&m, "Ann");
	model_release(&m);

	model_init(&m, tenant, true, CLOCK_NONE);
	model_init(&s, tenant, false, START);
	add_chat(&s, 0);
	add_operator(&s, "snapshot Ann");
	add_operator(&s, "snapshot");
	model_copy(&m, &s);
	model_release(&s);
	model_recompute(&m, &definition_ours);
	check_name(&m, NULL);
	model_release(&m);
}

static void
write_message(struct model *m, const char *chat, int64_t at,
    enum message_from from, const char *kind, struct text who)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = (struct text){ chat, 1 };
	r.id = (struct text){ kind, strlen(kind) };
	r.kind = r.id;
	r.at = START + at;
	r.from = from;
	r.operator_id = who;
	assert_int_equal(model_add(m, &r), MODEL_NEW);
}

/* Nothing but the transfer named the operator, and it is dropped. */
static void
the_holder_is_named_when_that_is_dropped(void **state)
{
	const int64_t day = INT64_C(24) * 3600 * 1000;
	const struct text nobody = { NULL, 0 }, given = { "B", 1 };
	const struct text other = { "C", 1 };
	struct model m;
	struct chat *c;

	(void)state;
	begin(&m);
	m.memory = day;
	add_chat(&m, 0);
	write_message(&m, "c", 1, FROM_CUSTOMER, "a", nobody);
	write_message(&m, "c", 2, FROM_SYSTEM, "assigned", given);
	write_message(&m, "c", 3, FROM_SYSTEM, "closed", nobody);
	write_message(&m, "d", day + 10, FROM_CUSTOMER, "b", nobody);
	model_stream_flush(&m);
	write_message(&m, "d", day + 11, FROM_BOT, "d", other);
	write_message(&m, "c", day + 3, FROM_CUSTOMER, "e", nobody);
	model_stream_flush(&m);
	c = model_find_chat(&m, (struct text){ "c", 1 });
	assert_true(text_is(model_name(&m, c->now.assignee), "B"));
	model_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_holder_is_named_when_that_is_dropped),
		cmocka_unit_test(the_last_known_name_is_kept),
		cmocka_unit_test(a_stream_by_hand_keeps_the_name_that_it_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
