/*
 * revocation: see revocation.h. A key is TENANT/ID; tenant names have no slash.
 */
#include "sink/access/revocation.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/tokens/jwt.h"

struct revocation {
	pthread_mutex_t lock; /* protects list, known and problem */
	struct strmap list;
	bool known;
	const char *problem; /* of the last failure; static */
	/* Used only by the refreshing thread. */
	bool tried;
	enum outcome last;
	int64_t tried_ms; /* monotonic */
};

struct revocation *
revocation_open(void)
{
	struct revocation *r = xcalloc(1, sizeof *r);

	(void)pthread_mutex_init(&r->lock, NULL);
	r->problem = "the database has not been read yet";
	return r;
}

void
revocation_close(struct revocation *r)
{
	if (r == NULL)
		return;
	strmap_release(&r->list, NULL);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static void
write_revocation_key(struct buf *to, const char *tenant, const char *id)
{
	buf_addf(to, "%s/%s", tenant, id);
}

void
revocation_add(struct strmap *list, const char *tenant, const char *id)
{
	struct buf key = BUF_INIT;

	write_revocation_key(&key, tenant, id);
	*strmap_put(list, buf_str(&key), key.len) = list;
	buf_release(&key);
}

void
revocation_replace(struct revocation *r, struct strmap *list)
{
	struct strmap old;

	(void)pthread_mutex_lock(&r->lock);
	old = r->list;
	r->list = *list;
	r->known = true;
	(void)pthread_mutex_unlock(&r->lock);
	strmap_release(&old, NULL);
	*list = (struct strmap)STRMAP_INIT;
}

/* Tokens must stay in the list until the leeway no longer accepts them. */
static enum outcome
read_revoked(struct db *db, struct strmap *list)
{
	const struct db_value since =
	    db_time(clock_now_ms() - JWT_LEEWAY_S * INT64_C(1000));
	struct db_rows *rows = NULL;
	enum outcome o = db_wake(db);

	if (o == OUTCOME_DONE)
		o = db_query(db,
		    "SELECT tenant, id FROM revoked_tokens "
		    "WHERE expires_at IS NULL OR expires_at >= ?",
		    &since, 1, &rows);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows))
		revocation_add(list, db_get(rows, 0), db_get(rows, 1));
	db_rows_free(rows);
	return o;
}

static void
keep_problem(struct revocation *r, const char *problem)
{
	(void)pthread_mutex_lock(&r->lock);
	r->problem = problem;
	(void)pthread_mutex_unlock(&r->lock);
}

const char *
revocation_problem(struct revocation *r)
{
	const char *problem;

	(void)pthread_mutex_lock(&r->lock);
	problem = r->problem;
	(void)pthread_mutex_unlock(&r->lock);
	return problem;
}

enum outcome
revocation_refresh(struct revocation *r, struct db *db)
{
	struct strmap list = STRMAP_INIT;
	int64_t now = clock_mono_ms();
	enum outcome o;

	if (r->tried && now - r->tried_ms < REVOCATION_EVERY_MS)
		return OUTCOME_DONE;
	o = read_revoked(db, &list);
	if (o == OUTCOME_DONE)
		revocation_replace(r, &list);
	else
		keep_problem(r, db_outage(db));
	if (o != OUTCOME_DONE &&
	    (r->tried ? o != r->last
		      : o == OUTCOME_LATER || db_cause(db) == DB_DENIED))
		log_warn("cannot read the list of revoked tokens: %s; %s",
		    db_why(db),
		    r->known ? "the last one counts"
			     : "tokens with an id are refused");
	r->last = o;
	r->tried = true;
	r->tried_ms = now;
	return o;
}

enum revocation_verdict
revocation_of(struct revocation *r, const char *tenant, const char *id)
{
	enum revocation_verdict verdict = REVOCATION_UNKNOWN;
	struct buf key = BUF_INIT;

	if (*id == '\0')
		return REVOCATION_NONE;
	write_revocation_key(&key, tenant, id);
	(void)pthread_mutex_lock(&r->lock);
	if (r->known)
		verdict = strmap_get(&r->list, buf_str(&key), key.len) != NULL
			      ? REVOCATION_DONE
			      : REVOCATION_NONE;
	(void)pthread_mutex_unlock(&r->lock);
	buf_release(&key);
	return verdict;
}
