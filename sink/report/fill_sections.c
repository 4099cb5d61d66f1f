/*
 * fill_sections: see fill_sections.h.
 *
 * The second connection only helps: where it cannot connect, as where the user
 * may have one only, or fails, the first one fills what is left, and says why
 * if it fails, too.
 */
#include "sink/report/fill_sections.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/parallel/on_cores.h"

enum { FIRST, SECOND, CONNECTIONS };

struct filling {
	struct report_work *first, second;
	struct filled_section **order; /* as they are begun */
	size_t n;
	atomic_size_t begun;
	atomic_bool failed; /* the first did */
};

/* Sets f->without if there is no table. */
static void
leave_out(const struct report_work *r, struct filled_section *f)
{
	const struct section *s = f->section;
	const char *reason = s->leave_out != NULL ? s->leave_out(r) : NULL;

	if (reason != NULL)
		buf_adds(&f->without, reason);
	else if (s->metric != NULL && kept_lacks(&r->not_kept, s->metric))
		buf_addf(&f->without,
		    "Not kept: nothing of the metric %s was ever stored. "
		    "Unless there was nothing, add %s to metrics of "
		    "[aggregator] in messaging.conf; see messaging-report(7), "
		    "WHAT IT NEEDS.",
		    s->metric, s->metric);
}

static void
release_table(struct filled_section *f)
{
	figure_release(&f->table);
	buf_release(&f->without);
}

static bool
fill_section(struct report_work *r, struct filled_section *f)
{
	f->table = (struct figure_table){ .columns = f->section->columns,
		.columns_n = f->section->columns_n };
	leave_out(r, f);
	f->filled = f->without.len > 0 || f->section->fill(r, &f->table);
	if (!f->filled)
		release_table(f);
	return f->filled;
}

/* False: one of them failed. */
static bool
fill_what_is_left(struct filling *f, struct report_work *r)
{
	bool good = true;
	size_t i;

	while (good && !atomic_load(&f->failed) &&
	       (i = atomic_fetch_add(&f->begun, 1)) < f->n)
		good = fill_section(r, f->order[i]);
	return good;
}

static void
fill_by_second(struct filling *f)
{
	log_hush(true);
	if (db_connect(f->second.db) == OUTCOME_DONE)
		(void)fill_what_is_left(f, &f->second);
	log_hush(false);
}

/* With one core the first connection fills all, and the second finds nothing
 * left. */
static void
fill_by_connection(void *ctx, size_t thread, size_t connection)
{
	struct filling *f = ctx;

	if (thread > 0)
		db_thread_begin();
	if (connection == SECOND)
		fill_by_second(f);
	else if (!fill_what_is_left(f, f->first))
		atomic_store(&f->failed, true);
	if (thread > 0)
		db_thread_end();
}

static bool
is_good(void *ctx, size_t connection)
{
	struct filling *f = ctx;

	(void)connection;
	return !atomic_load(&f->failed);
}

/* Those that take long first, the longest of which are the last. */
static struct filled_section **
choose_order(struct filled_section *list, size_t n)
{
	struct filled_section **order = xcalloc(n, sizeof(*order));
	size_t i, at = 0;

	for (i = n; i > 0; i--) {
		if (list[i - 1].section->is_long)
			order[at++] = &list[i - 1];
	}
	for (i = 0; i < n; i++) {
		if (!list[i].section->is_long)
			order[at++] = &list[i];
	}
	return order;
}

bool
fill_sections(struct report_work *r, struct filled_section *list, size_t n)
{
	struct db *db = db_another(r->db);
	struct filling f = { .first = r,
		.second = report_another(r, db),
		.order = choose_order(list, n),
		.n = n };
	const struct on_cores work = { &f, CONNECTIONS, fill_by_connection,
		is_good };
	bool good;
	size_t i;

	atomic_init(&f.begun, 0);
	atomic_init(&f.failed, false);
	good = on_cores_run(&work);
	for (i = 0; good && i < n; i++)
		good = list[i].filled || fill_section(r, &list[i]);
	report_another_end(&f.second);
	db_close(db);
	free(f.order);
	return good;
}

void
filled_sections_release(struct filled_section *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		release_table(&list[i]);
}
