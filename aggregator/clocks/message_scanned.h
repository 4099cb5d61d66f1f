/*
 * message_scanned: makes messages of those that other threads have scanned
 * (scanned_message.h). The numbers that the lexicon has for a block's words are
 * looked up once a block.
 */
#ifndef AGGREGATOR_CLOCKS_MESSAGE_SCANNED_H
#define AGGREGATOR_CLOCKS_MESSAGE_SCANNED_H

#include "common/records/scanned_message.h"

#include "aggregator/clocks/timeline.h"

/* Private. Begin with zeros. */
struct word_numbers {
	const struct scanned_words *words;   /* borrowed; NULL: none yet */
	uint16_t numbers[SCANNED_WORDS + 1]; /* and 1; 0: not looked up */
};

/* Another block begins; its words are borrowed until the next one. */
void word_numbers_begin(
    struct word_numbers *n, const struct scanned_words *words);

/* As message_read(). */
void message_read_scanned(struct lexicon *w, struct word_numbers *n,
    struct message *m, const struct scanned_message *x);

#endif
