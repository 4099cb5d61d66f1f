/*
 * The folder of a staging of which one file is not what it was: bytes changed
 * or zeroed; cut, missing, exchanged with another, put back from an earlier
 * time. It is refused in one line with the way out, or all is published as it
 * would have been, or what is wanting is reported: as refused lines, or as a
 * snapshot that is not whole. The draws come from a seed: DAMAGES=N SEED=N are
 * more.
 */
#include "tests/unit/staging_world.h"

#include <stdlib.h>

#include "aggregator/snapshot/staging_repeats.h"

#include "tests/unit/dice.h"

enum { TENANTS = 2, SNAPSHOTS = 5, RECORDS = 4, FILES = 5 };
enum { COPIES = TENANTS * SNAPSHOTS * (RECORDS + 2) };

static const char *const names[FILES] = { "t0.spool", "t1.spool", "t0.done",
	"t1.done", "version" };

struct image {
	char *data; /* NULL: no such file */
	size_t len;
};

/* After each message but those that are left for the one that is damaged. */
static struct image copies[COPIES][FILES];
static size_t copied;
static struct strmap rows; /* that were published */

static char *
path_of(size_t file)
{
	return xasprintf(DIR_NAME "/%s", names[file]);
}

static void
take_copy(void)
{
	struct image *im;
	struct stat st;
	size_t i;
	char *path;
	int fd;

	for (i = 0; i < FILES; i++) {
		im = &copies[copied][i];
		path = path_of(i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		free(path);
		if (fd == -1)
			continue;
		assert_int_equal(fstat(fd, &st), 0);
		im->len = (size_t)st.st_size;
		im->data = xmalloc(im->len + 1);
		assert_int_equal(read(fd, im->data, im->len), st.st_size);
		(void)close(fd);
	}
	copied++;
}

static void
put(size_t file, const struct image *im)
{
	char *path = path_of(file);

	if (im->data != NULL)
		tmpdir_file(path, im->data, im->len, 0600);
	else
		(void)unlink(path);
	free(path);
}

static enum outcome
publish_rows(void *ctx, struct intake *in)
{
	struct world *w = ctx;
	enum outcome o = publish(ctx, in);
	char *line = w->published.data, *nl;

	/* What a part is worth is held by w->published_parts. */
	for (; line != NULL && !w->by_part; line = nl + 1) {
		nl = memchr(line, '\n',
		    w->published.len - (size_t)(line - w->published.data));
		if (nl == NULL)
			break;
		*strmap_put(&rows, line, (size_t)(nl - line)) = &rows;
	}
	return o;
}

/* Message n of a snapshot: its begin, its records, its end. In parts there is
 * an empty one, too, which ends with it. */
static void
say(struct world *w, unsigned tenant, unsigned snapshot, unsigned n)
{
	char *head = xasprintf(
	    "\"tenant\":\"t%u\",\"snapshot\":\"s%u\"", tenant, snapshot);
	char *at =
	    xasprintf("\"at\":\"2026-11-20T1%u:%02u:00Z\"", tenant, snapshot);
	char *id = xasprintf("m%u.%u.%u", tenant, snapshot, n);
	const char *all = w->by_part ? ",\"bucket\":64" : "";
	const char *state = n == 0 ? "begin" : "end";
	char *line;

	if (n > 0 && n <= RECORDS)
		line = xasprintf("{\"type\":\"operator\",%s,\"operator\":"
				 "\"%u\",\"name\":\"%u of %u\"}",
		    head, n, snapshot, tenant);
	else
		line = xasprintf("{\"type\":\"snapshot\",%s,\"state\":\"%s\","
				 "%s,\"records\":%d%s}",
		    head, state, at, RECORDS, all);
	add(w, id, 1, line);
	free(line);
	if (w->by_part && (n == 0 || n > RECORDS)) {
		line = xasprintf("{\"type\":\"snapshot\",%s,\"state\":\"%s\","
				 "%s,\"records\":0,\"bucket\":7}",
		    head, state, at);
		add(w, id, 2, line);
		free(line);
	}
	flush(w);
	free(id);
	free(at);
	free(head);
}

/* The last but one is in the middle of it when the copies end, the second one
 * never ends. */
static void
go(struct world *w, bool rest)
{
	unsigned s, n, t;

	for (s = 0; s < SNAPSHOTS; s++)
		for (n = 0; n < RECORDS + 2; n++)
			for (t = 0; t < TENANTS; t++) {
				bool late = s > SNAPSHOTS - 2 ||
					    (s == SNAPSHOTS - 2 && n > 2);

				if (late != rest || (s == 1 && n > 3))
					continue;
				say(w, t, s, n);
				if (!rest)
					take_copy();
			}
}

static uint64_t
sum_of_map(struct strmap *m, bool parts)
{
	const struct strmap_entry *e;
	const struct bucket_set *b;
	uint64_t sum = 0;
	size_t i = 0;

	while ((e = strmap_next(m, &i)) != NULL) {
		b = parts ? e->value : NULL;
		sum += staging_line_hash(e->key, e->key_len) *
		       (b == NULL ? 1 : b->chats * 2 + b->all);
	}
	return sum;
}

/* What was published since it went on. */
static uint64_t
sum_of(struct world *w)
{
	return w->by_part ? sum_of_map(&w->published_parts, true)
			  : sum_of_map(&rows, false);
}

enum result { SAME, REPORTED, WRONG };

static bool
is_reported(const struct world *w, const struct buf *why)
{
	return w->staging.code == PROG_DATA &&
	       strchr(buf_str(why), '\n') == NULL &&
	       strstr(buf_str(why), "'" DIR_NAME) != NULL &&
	       strstr(buf_str(why), "; ") != NULL;
}

/* Goes on with the folder. */
static enum result
use(struct world *w, uint64_t *sum)
{
	struct buf why = BUF_INIT;
	enum result result;
	bool reported;

	buf_clear(&w->refused);
	strmap_release(&w->published_parts, free);
	strmap_release(&rows, NULL);
	if (try_open(w, &why) == -1) {
		result = is_reported(w, &why) ? REPORTED : WRONG;
		if (result == WRONG)
			print_message("%s\n", buf_str(&why));
		staging_close(&w->staging);
		buf_release(&why);
		return result;
	}
	w->open = true;
	w->staging.publish = publish_rows;
	go(w, true);
	reported = w->refused.len > 0 || w->staging.failed > 0 ||
		   staging_report_incomplete(&w->staging) > 0;
	stop(w);
	if (*sum == 0)
		*sum = sum_of(w);
	if (sum_of(w) == *sum)
		return SAME;
	return reported ? REPORTED : WRONG;
}

/* Changes up to len bytes somewhere. */
static void
change_bytes(uint64_t *d, struct image *im, size_t len, bool zero)
{
	size_t at = (size_t)dice_below(d, im->len), i;

	for (i = at; i < at + len && i < im->len; i++)
		im->data[i] =
		    zero ? 0
			 : (char)(im->data[i] + 1 + (int)dice_below(d, 255));
}

/* The nearest number is another one. */
static void
change_number(uint64_t *d, struct image *im)
{
	size_t i = (size_t)dice_below(d, im->len), n;

	for (n = 0; n < im->len; n++, i = (i + 1) % im->len)
		if (im->data[i] >= '0' && im->data[i] <= '9')
			break;
	im->data[i] =
	    (char)('0' + (im->data[i] - '0' + 1 + (int)dice_below(d, 9)) % 10);
}

static void
cut_at_line(uint64_t *d, struct image *im)
{
	im->len = (size_t)dice_below(d, im->len);
	while (im->len > 0 && im->data[im->len - 1] != '\n')
		im->len--;
}

/* One damage; its kind. */
static unsigned
damage(uint64_t *d, size_t f)
{
	const struct image *last = copies[copied - 1];
	struct image im = { xmalloc(last[f].len), last[f].len };
	char *mine = im.data;
	unsigned how = (unsigned)dice_below(d, 9);

	memcpy(im.data, last[f].data, im.len);
	switch (how) {
	case 0:
		im.data[dice_below(d, im.len)] ^= (char)(1 << dice_below(d, 8));
		break;
	case 1:
		change_bytes(d, &im, 1, false);
		break;
	case 2:
		change_bytes(d, &im, 16, true);
		break;
	case 3:
		change_number(d, &im);
		break;
	case 4:
		im.len = (size_t)dice_below(d, im.len);
		break;
	case 5:
		cut_at_line(d, &im);
		break;
	case 6:
		im = copies[dice_below(d, copied - 1)][f];
		break;
	case 7:
		im = last[(f + 1 + dice_below(d, FILES - 1)) % FILES];
		break;
	default:
		im.data = NULL;
	}
	put(f, &im);
	free(mine);
	return how;
}

static unsigned
number(const char *name, unsigned def)
{
	const char *text = getenv(name);

	return text == NULL ? def : (unsigned)strtoul(text, NULL, 10);
}

static void
put_all(void)
{
	size_t i;

	tmpdir_empty(DIR_NAME);
	for (i = 0; i < FILES; i++)
		put(i, &copies[copied - 1][i]);
}

static void
forget_copies(void)
{
	size_t i;

	for (; copied > 0; copied--)
		for (i = 0; i < FILES; i++) {
			free(copies[copied - 1][i].data);
			copies[copied - 1][i].data = NULL;
		}
	strmap_release(&rows, NULL);
}

static void
damage_all(struct world *w)
{
	unsigned i, how, damages = number("DAMAGES", 600), n[3] = { 0 };
	uint64_t d = DICE_START * number("SEED", 1), sum = 0;
	enum result result;

	start(w);
	go(w, false);
	stop(w);
	put_all();
	assert_int_equal(use(w, &sum), SAME);
	for (i = 0; i < damages; i++) {
		put_all();
		how = damage(&d, i % FILES);
		result = use(w, &sum);
		if (result == WRONG)
			print_message("damage %u: kind %u of %s\n", i, how,
			    names[i % FILES]);
		n[result]++;
	}
	print_message("%u the same, %u reported\n", n[SAME], n[REPORTED]);
	assert_int_equal(n[WRONG], 0);
	assert_true(n[SAME] > 0 && n[REPORTED] > damages / 4);
	forget_copies();
}

static void
damages_are_told(void **state)
{
	damage_all(*state);
}

static void
damages_are_told_of_parts(void **state)
{
	struct world *w = *state;

	w->by_part = true;
	damage_all(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGING_TEST(damages_are_told),
		STAGING_TEST(damages_are_told_of_parts),
	};

	if (!world_choose())
		return 1;
	return cmocka_run_group_tests(tests, enter, leave);
}
