/*
 * record_words: lookup tables (keywords.h) for the names of fields and types
 * and the words of enumerations, made once from the tables of record.c, and how
 * a field is read. Private to the readers of records, record.c and scan.c.
 */
#ifndef COMMON_RECORDS_RECORD_WORDS_H
#define COMMON_RECORDS_RECORD_WORDS_H

#include "common/records/keywords.h"
#include "common/records/record.h"

/* The number of the key "type", which is not a row of the table. */
#define RECORD_TYPE_KEY 62

struct record_words {
	struct keywords keys; /* rows of record_fields, and RECORD_TYPE_KEY */
	struct keywords types, states, statuses, froms;

	/* By type: bit i represents row i. */
	uint64_t may[RECORD_TYPES], must[RECORD_TYPES];
};

/* Static. */
const struct record_words *record_words(void);

/* Stores the value into its member. Returns NULL, or an error text for the
 * value. */
const char *record_read_field(
    const struct record_field *f, const struct flat_field *v, struct record *r);

#endif
