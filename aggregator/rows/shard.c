/*
 * shard: see shard.h.
 */
#include "aggregator/rows/shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/records/bucket.h"

int
shard_read(struct shard *p, const struct conf *conf, struct buf *why)
{
	const char *text = conf_text(conf, "aggregator", "part");
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	char number[8] = "";

	memset(p, 0, sizeof *p);
	p->generation = conf_int(conf, "aggregator", "generation");
	if (text == NULL)
		return 0;
	if (slash != NULL && (size_t)(slash - text) < sizeof number)
		memcpy(number, text, (size_t)(slash - text));
	if (slash != NULL && parse_int(slash + 1, 1, BUCKETS, &p->of) == 0 &&
	    parse_int(number, 0, p->of - 1, &p->number) == 0)
		return 0;
	buf_setf(why,
	    "'%s' is not a shard; write 0/2 and 1/2 for two shards; at most %d "
	    "are possible",
	    text, BUCKETS);
	return -1;
}

const char *
shard_text(const struct shard *p, char buf[SHARD_TEXT])
{
	buf[0] = '\0';
	if (p->of > 0)
		(void)snprintf(buf, SHARD_TEXT,
		    "%" PRId64 "/%" PRId64 " of generation %" PRId64, p->number,
		    p->of, p->generation);
	return buf;
}
