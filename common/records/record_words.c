/*
 * record_words: see record_words.h.
 */
#include "common/records/record_words.h"

#include <pthread.h>

#include "common/base/prog.h"

static struct record_words all;

static void
make_keys(void)
{
	const char *names[KEYWORDS_NONE] = { NULL };
	size_t i, type;

	if (record_fields_n > RECORD_TYPE_KEY)
		prog_die(PROG_SOFTWARE, "too many kinds of fields");
	for (i = 0; i < record_fields_n; i++) {
		const struct record_field *f = &record_fields[i];

		names[i] = f->name;
		for (type = 0; type < RECORD_TYPES; type++) {
			all.may[type] |= (uint64_t)(f->in >> type & 1) << i;
			all.must[type] |= (uint64_t)(f->required >> type & 1)
					  << i;
		}
	}
	names[RECORD_TYPE_KEY] = "type";
	keywords_init(&all.keys, names, RECORD_TYPE_KEY + 1, "\":");
}

static void
make_all_words(void)
{
	const char *names[KEYWORDS_NONE];
	size_t i;

	make_keys();
	keywords_init(&all.types, record_types, RECORD_TYPES, "\"");
	for (i = 0; i < SNAPSHOT_STATES; i++)
		names[i] = record_state_name((enum snapshot_state)i);
	keywords_init(&all.states, names, SNAPSHOT_STATES, "\"");
	for (i = 0; i <= CHAT_GONE; i++)
		names[i] = record_status_name((enum chat_status)i);
	keywords_init(&all.statuses, names, CHAT_GONE + 1, "\"");
	for (i = 0; i <= FROM_SYSTEM; i++)
		names[i] = record_from_name((enum message_from)i);
	keywords_init(&all.froms, names, FROM_SYSTEM + 1, "\"");
}

const struct record_words *
record_words(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_all_words);
	return &all;
}
