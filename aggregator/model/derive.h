/*
 * derive: a chat's figures from its records. Pure: the result depends only on
 * the chat's messages, descriptions, dropped_history and newest snapshot, and
 * on the setting. It does not depend on the order of arrival, and nothing but
 * the scratch memory is written. chat_change.h stores the result.
 *
 *   derive_description()  what the chat records say: names, opening, status
 *   derive_state()        the same, after the messages that are newer
 *   derive_timeline()     messages, and the reports of chat records as marks
 *   derive_figures()      a walk of the clocks over the timeline: intervals and
 *                         figures, and which episodes may be dropped
 *
 * The timeline and the figures need the state, in chat.now. Messages and
 * descriptions must be sorted.
 */
#ifndef AGGREGATOR_MODEL_DERIVE_H
#define AGGREGATOR_MODEL_DERIVE_H

#include "aggregator/containers/key_set.h"
#include "aggregator/model/chat.h"

/* Memory for the results of one chat, which the next chat reuses. A zeroed
 * struct is empty. */
struct derive_scratch {
	const struct description **descriptions; /* oldest first */
	size_t descriptions_n, descriptions_cap;
	struct mark *marks;
	size_t marks_cap;
	struct key_set participants; /* of the current episode */
	struct interval *intervals;
	size_t intervals_n, intervals_cap;
};

void derive_scratch_release(struct derive_scratch *w);

/* Times are in ms; see struct model. */
struct derive_setting {
	const struct definition *definition;
	int64_t as_of;
	int64_t window;
	int64_t window_start; /* INT64_MIN: nothing may be dropped */
	int64_t newest_snapshot_at;
	bool stream;
	bool past_episodes; /* also the intervals of past episodes */
	struct derive_scratch *scratch;
};

/* Returns what the newest description says, with what older ones add. Names are
 * borrowed. */
struct description derive_description(const struct chat *c);

struct derived_state {
	struct description now;
	int64_t newest; /* time of the newest record */
};
struct derived_state derive_state(
    const struct derive_setting *s, const struct chat *c);

/* Returns the status that a message sets; CHAT_NONE: none. */
enum chat_status derive_status_of(const struct message *m);

/* Lists the chat's descriptions in w, oldest first. */
void derive_list_descriptions(struct derive_scratch *w, const struct chat *c);

/* Borrows from the chat and the scratch memory. */
struct clocks_chat derive_timeline(
    const struct derive_setting *s, const struct chat *c);

/* The first messages and intervals, all of past episodes, which may be dropped:
 * see drop_records.h. */
struct droppable {
	size_t messages, intervals;
	uint32_t assignee;
	int64_t assignee_until; /* older descriptions do not name the assignee;
				 * CLOCK_NONE: unknown */
};

struct derived_figures {
	struct chat_figures figures;
	/* In the scratch memory. Those that count in the figures are marked as
	 * credited. An interval that a chat record ends has no channel. */
	struct interval *intervals;
	size_t intervals_n;
	struct droppable old;
};
struct derived_figures derive_figures(
    const struct derive_setting *s, const struct chat *c);

#endif
