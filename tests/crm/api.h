/*
 * api: the routes of Chat2Desk's public API, their paging with its traps, and
 * the shared error answers.
 */
#ifndef TESTS_CRM_API_H
#define TESTS_CRM_API_H

#include "tests/crm/sim.h"

struct route {
	enum method method;
	const char *pattern; /* {id} stands for digits */
	void (*answer)(struct sim *s, struct world *w, struct call *c,
	    int64_t id, struct answer *a);
};

/* A call among routes, and the id in its path, or NULL; the name of one. */
const struct route *api_find(const struct route *all, size_t n,
    const struct call *c, int64_t *id, size_t *index);
const char *api_name(
    const struct route *all, size_t n, size_t index, struct buf *text);

/* The route of a call and the id in its path, or NULL. *index counts it. */
const struct route *api_route(const struct call *c, int64_t *id, size_t *index);

/* "GET /v1/dialogs/{id}", by index; NULL behind the last. */
const char *api_route_name(size_t index, struct buf *text);

/* A list being written: total rows so far, those of the page in the body. */
struct page {
	struct answer *a;
	int64_t limit, offset, total, shown;
};

void page_begin(struct page *p, const struct call *c, struct answer *a);

/* Counts a row. True when it belongs on the page: render it then. */
bool page_row(struct page *p);
void page_end(struct page *p, const struct world *w);

/* api_write.c */
void api_put_dialog(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_transfer(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_post_message(struct sim *s, struct world *w, struct call *c,
    int64_t id, struct answer *a);

/* api_hooks.c */
void api_hooks(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_post_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_put_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_delete_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);

/* api_lists.c */
void api_messages(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);
void api_statistics(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a);

#endif
