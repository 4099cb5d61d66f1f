/* push: see push.h. */
#include "tests/crm/push.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/digest/signature.h"
#include "tests/crm/rng.h"

#define TIMEOUT_MS 10000L

struct item {
	char *url, *body, *secret; /* NULL: not signed */
	int64_t due_ms;            /* monotonic */
};

struct push {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct item *items; /* in the order of adding */
	size_t n, cap;
	struct push_tally tally;
	struct rng rng;
	int64_t lose, repeat, delay;
	bool stop;
};

static void
free_item(struct item *item)
{
	free(item->url);
	free(item->body);
	free(item->secret);
}

static size_t
swallow(char *data, size_t size, size_t n, void *ctx)
{
	(void)data;
	(void)ctx;
	return size * n;
}

static struct curl_slist *
sign(struct curl_slist *headers, const struct item *item)
{
	unsigned char mac[SIGNATURE_MAC];
	struct buf text = BUF_INIT, line = BUF_INIT;
	long long now = time(NULL);

	buf_addf(&text, "%lld.%s", now, item->body);
	signature_mac(item->secret, text.data, text.len, mac);
	buf_addf(&line, "X-Chatwoot-Timestamp: %lld", now);
	headers = curl_slist_append(headers, buf_str(&line));
	buf_setf(&line, "X-Chatwoot-Signature: sha256=");
	for (size_t i = 0; i < SIGNATURE_MAC; i++)
		buf_addf(&line, "%02x", mac[i]);
	headers = curl_slist_append(headers, buf_str(&line));
	buf_release(&text);
	buf_release(&line);
	return headers;
}

/* True if the answer was a 2xx. */
static bool
post(CURL *c, const struct item *item)
{
	struct curl_slist *headers =
	    curl_slist_append(NULL, "Content-Type: application/json");
	long status = 0;
	CURLcode code;

	if (item->secret != NULL)
		headers = sign(headers, item);
	curl_easy_setopt(c, CURLOPT_URL, item->url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, item->body);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
		log_info("webhook_failed", "url=%s reason='%s'", item->url,
		    curl_easy_strerror(code));
	return code == CURLE_OK && status >= 200 && status < 300;
}

/* Returns the index of the first item that is due; or n, and sets *wait to the
 * time until one is. */
static size_t
find_due(const struct push *p, int64_t *wait)
{
	int64_t now = clock_mono_ms();
	size_t first = p->n;

	*wait = 1000;
	for (size_t i = 0; i < p->n; i++)
		if (first == p->n ||
		    p->items[i].due_ms < p->items[first].due_ms)
			first = i;
	if (first < p->n && p->items[first].due_ms > now) {
		*wait = p->items[first].due_ms - now;
		first = p->n;
	}
	return first;
}

static void
rest(struct push *p, int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&p->more, &p->lock, &t);
}

/* Removes an item, sends it without the lock, and counts the result. */
static void
send_one(struct push *p, CURL *c, size_t i)
{
	struct item item = p->items[i];
	bool good;

	p->n--;
	for (; i < p->n; i++)
		p->items[i] = p->items[i + 1];
	p->tally.sent++;
	pthread_mutex_unlock(&p->lock);
	good = post(c, &item);
	free_item(&item);
	pthread_mutex_lock(&p->lock);
	p->tally.queued--;
	if (good)
		p->tally.good++;
	else
		p->tally.failed++;
}

static void *
work(void *ctx)
{
	struct push *p = ctx;
	CURL *c = curl_easy_init();
	int64_t wait;
	size_t i;

	if (c == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		i = find_due(p, &wait);
		if (i < p->n)
			send_one(p, c, i);
		else
			rest(p, wait);
	}
	pthread_mutex_unlock(&p->lock);
	curl_easy_cleanup(c);
	return NULL;
}

struct push *
push_new(uint64_t seed)
{
	struct push *p = xcalloc(1, sizeof *p);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	p->rng = rng_seeded(seed, 77);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	if (pthread_create(&p->thread, NULL, work, p) != 0)
		prog_die(PROG_TEMPFAIL, "cannot start a thread");
	return p;
}

void
push_free(struct push *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	for (size_t i = 0; i < p->n; i++)
		free_item(&p->items[i]);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	curl_global_cleanup();
	free(p->items);
	free(p);
}

static void
put(struct push *p, const char *url, const char *body, const char *secret)
{
	struct item *item;

	XGROW(p->items, p->n, p->cap);
	item = &p->items[p->n++];
	item->url = xstrdup(url);
	item->body = xstrdup(body);
	item->secret = secret != NULL ? xstrdup(secret) : NULL;
	item->due_ms = clock_mono_ms();
	if (p->delay > 0)
		item->due_ms += rng_below(&p->rng, p->delay);
	p->tally.queued++;
}

void
push_add(struct push *p, const char *url, const char *body, const char *secret)
{
	pthread_mutex_lock(&p->lock);
	if (rng_chance(&p->rng, (int)p->lose)) {
		p->tally.lost++;
	} else {
		put(p, url, body, secret);
		if (rng_chance(&p->rng, (int)p->repeat)) {
			put(p, url, body, secret);
			p->tally.repeated++;
		}
	}
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void
push_fault(struct push *p, int64_t lose, int64_t repeat, int64_t delay)
{
	pthread_mutex_lock(&p->lock);
	p->lose = lose;
	p->repeat = repeat;
	p->delay = delay;
	pthread_mutex_unlock(&p->lock);
}

struct push_tally
push_tally(struct push *p)
{
	struct push_tally t;

	pthread_mutex_lock(&p->lock);
	t = p->tally;
	pthread_mutex_unlock(&p->lock);
	return t;
}
