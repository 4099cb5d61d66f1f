/*
 * db_pool: see db_pool.h. The connection that was used last is taken first, so
 * that few stay open when few are needed.
 */
#include "sink/serve/db_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/xalloc.h"

struct db_pool {
	pthread_mutex_t lock;
	pthread_cond_t given;
	struct db **free; /* a stack */
	size_t free_n, n;
};

struct db_pool *
db_pool_open(const struct db *db, size_t n)
{
	struct db_pool *p = xcalloc(1, sizeof *p);

	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->given, NULL);
	p->free = xcalloc(n, sizeof *p->free);
	for (p->n = 0; p->n < n; p->n++)
		p->free[p->free_n++] = db_another(db);
	return p;
}

struct db *
db_pool_take(struct db_pool *p)
{
	struct db *db;

	(void)pthread_mutex_lock(&p->lock);
	while (p->free_n == 0)
		(void)pthread_cond_wait(&p->given, &p->lock);
	db = p->free[--p->free_n];
	(void)pthread_mutex_unlock(&p->lock);
	db_thread_begin();
	return db;
}

void
db_pool_give(struct db_pool *p, struct db *db)
{
	(void)pthread_mutex_lock(&p->lock);
	p->free[p->free_n++] = db;
	(void)pthread_cond_signal(&p->given);
	(void)pthread_mutex_unlock(&p->lock);
}

void
db_pool_close(struct db_pool *p)
{
	if (p == NULL)
		return;
	while (p->free_n > 0)
		db_close(p->free[--p->free_n]);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->given);
	free(p->free);
	free(p);
}
