/*
 * Tests of aggregator/staging: a queue is played that sends again what was not
 * acknowledged, and the staging is killed at random moments. Whatever happens,
 * every snapshot is published with the same rows, and nothing is refused that
 * was good.
 */
#include "tests/unit/staging_world.h"

/* A played queue: messages of a few lines; of two tenants, mixed. */
#define SNAPSHOTS 12
#define MESSAGES 1000
#define LINES 5

struct played {
	char id[16];
	char *line[LINES];
	size_t n;
};

static struct played queue[MESSAGES];
static size_t queued;
static bool with_ids;            /* messages have them */
static size_t delivered;         /* so many were, or in part */
static size_t shard, last_shard; /* a message holds lines of one */

static void
enqueue(char *line)
{
	struct played *m;

	if (queued == 0 || queue[queued - 1].n == LINES || rand() % 3 == 0 ||
	    shard != last_shard) {
		assert_true(queued < MESSAGES);
		m = &queue[queued++];
		m->n = 0;
		snprintf(m->id, sizeof m->id, "m%zu", queued);
	}
	last_shard = shard;
	m = &queue[queued - 1];
	m->line[m->n++] = line;
}

static void
play_snapshots(void)
{
	size_t left[2] = { 0, 0 }, size[2], made[2] = { 0, 0 };
	int t;

	queued = 0;
	while (made[0] < SNAPSHOTS || made[1] < SNAPSHOTS || left[0] > 0 ||
	       left[1] > 0) {
		t = rand() % 2;
		if (left[t] == 0 && made[t] == SNAPSHOTS)
			continue;
		if (left[t] == 0) {
			size[t] = 1 + (size_t)rand() % 9;
			left[t] = size[t] + 1;
			enqueue(xasprintf(
			    "{\"type\":\"snapshot\",\"tenant\":\"t%d\","
			    "\"state\":\"begin\",\"snapshot\":\"s%zu\","
			    "\"at\":\"2026-11-20T10:%02zu:00Z\"}",
			    t, made[t], made[t]));
		} else if (--left[t] == 0) {
			enqueue(xasprintf(
			    "{\"type\":\"snapshot\",\"tenant\":\"t%d\","
			    "\"state\":\"end\",\"snapshot\":\"s%zu\","
			    "\"records\":%zu}",
			    t, made[t], size[t]));
			made[t]++;
		} else {
			enqueue(xasprintf(
			    "{\"type\":\"operator\",\"tenant\":\"t%d\","
			    "\"snapshot\":\"s%zu\",\"operator\":\"%zu\"}",
			    t, made[t], left[t]));
		}
	}
}

/* A part of a snapshot, as it comes in the queue of its shard. */
struct shard_queue {
	unsigned bucket;
	int tenant, chat; /* -1: operators */
	size_t size, said;
};

#define SHARDS 4

/* The next line of the shard: begin, lines, end. */
static void
enqueue_part(struct shard_queue *x, size_t snapshot)
{
	char *head = xasprintf(
	    "\"tenant\":\"t%d\",\"snapshot\":\"s%zu\"", x->tenant, snapshot);

	if (x->said == 0)
		enqueue(xasprintf("{\"type\":\"snapshot\",%s,\"state\":"
				  "\"begin\",\"bucket\":%u,"
				  "\"at\":\"2026-11-20T10:%02zu:00Z\"}",
		    head, x->bucket, snapshot));
	else if (x->said > x->size)
		enqueue(xasprintf("{\"type\":\"snapshot\",%s,\"state\":\"end\","
				  "\"bucket\":%u,\"records\":%zu}",
		    head, x->bucket, x->size));
	else if (x->chat == -1)
		enqueue(
		    xasprintf("{\"type\":\"operator\",%s,\"operator\":\"%zu\"}",
			head, x->said));
	else
		enqueue(xasprintf(
		    "{\"type\":\"chat\",%s,\"chat\":\"%d\",\"tag\":\"%zu\"}",
		    head, x->chat, x->said));
	x->said++;
	free(head);
}

/* The same through an exchange: shards overtake each other. */
static void
play_parts(void)
{
	struct shard_queue shards[2 * SHARDS];
	size_t snapshot, i, left;
	char text[16];

	queued = 0;
	for (snapshot = 0; snapshot < SNAPSHOTS; snapshot++) {
		for (i = 0, left = 0; i < 2 * SHARDS; i++) {
			struct shard_queue *x = &shards[i];

			*x = (struct shard_queue){ .tenant = (int)(i / SHARDS),
				.chat = (int)(i % SHARDS) - 1,
				.size = (size_t)(rand() % 4) };
			snprintf(
			    text, sizeof text, "t%d%d", x->tenant, x->chat);
			x->bucket = x->chat == -1
					? BUCKET_ALL
					: bucket_of(text, 2, text + 2, 1);
			left += x->size + 2;
		}
		while (left > 0) {
			shard = (size_t)rand() % (2 * SHARDS);
			if (shards[shard].said == shards[shard].size + 2)
				continue;
			enqueue_part(&shards[shard], snapshot);
			left--;
		}
	}
}

static void
all_parts_were_told(struct world *w)
{
	const struct strmap_entry *e;
	const struct bucket_set *parts;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&w->published_parts, &i)) != NULL) {
		parts = e->value;
		assert_true(parts->all);
		assert_int_equal(
		    __builtin_popcountll(parts->chats), SHARDS - 1);
		n++;
	}
	assert_int_equal(n, 2 * SNAPSHOTS);
}

static void
forget_queue(void)
{
	size_t i, j;

	for (i = 0; i < queued; i++)
		for (j = 0; j < queue[i].n; j++)
			free(queue[i].line[j]);
	queued = 0;
}

/* Reads message i up to a line at which it may die; true when whole. */
static bool
deliver(struct world *w, size_t i)
{
	size_t j;

	w->again = i < delivered;
	if (!w->again)
		delivered = i + 1;
	for (j = 0; j < queue[i].n; j++) {
		if (rand() % 40 == 0)
			return false;
		w->later = (unsigned)(rand() % 2);
		add(w, with_ids ? queue[i].id : NULL, j + 1, queue[i].line[j]);
	}
	return true;
}

/* How often it was killed. */
static size_t
read_queue(struct world *w)
{
	size_t acked = 0, at = 0, kills = 0;

	delivered = 0;
	start(w);
	while (acked < queued) {
		if (at == queued || rand() % 6 == 0) {
			flush(w);
			acked = at;
		} else if (deliver(w, at)) {
			at++;
		} else if (rand() % 2 == 0) {
			/* The link is lost: what was not acknowledged comes
			 * again, the rest of a message in hand with it. */
			w->connection++;
			at = acked;
		} else {
			stop(w);
			start(w);
			w->connection = 0;
			at = acked;
			kills++;
		}
	}
	assert_string_equal(buf_str(&w->refused), "");
	assert_int_equal(w->staging.failed, 0);
	assert_int_equal(staging_report_incomplete(&w->staging), 0);
	assert_int_equal(access(DIR_NAME "/t0.spool", F_OK), -1);
	assert_int_equal(access(DIR_NAME "/t1.spool", F_OK), -1);
	forget_queue();
	return kills;
}

static void
kill_often(void **state)
{
	struct world *w = *state;
	static unsigned runs;
	unsigned seed = (unsigned)time(NULL) + runs++;
	size_t kills, undisturbed = 2 * SNAPSHOTS;

	print_message("seed %u\n", seed);
	srand(seed);
	play_snapshots();
	kills = read_queue(w);
	assert_true(w->publications >= undisturbed);
	assert_true(w->publications <= undisturbed + kills * 2);
	assert_int_equal(clean(state), 0);
	play_parts();
	w->by_part = true;
	(void)read_queue(w);
	all_parts_were_told(w);
}

static void
kills_at_any_moment_lose_and_repeat_nothing(void **state)
{
	with_ids = true;
	kill_often(state);
}

static void
nor_do_they_where_messages_have_no_id(void **state)
{
	int round;

	with_ids = false;
	for (round = 0; round < 10; round++) {
		kill_often(state);
		assert_int_equal(clean(state), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGING_TEST(kills_at_any_moment_lose_and_repeat_nothing),
		STAGING_TEST(nor_do_they_where_messages_have_no_id),
	};

	if (!world_choose())
		return 1;
	return cmocka_run_group_tests(tests, enter, leave);
}
