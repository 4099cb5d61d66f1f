/*
 * stream_files: the names of the files in the folder of a stream's state. Only
 * the aggregator reads them (aggregator/state/state.h); the reaper, which
 * leaves its orders there (forget_order.h), recognises such a folder by the
 * first file.
 */
#ifndef COMMON_RECORDS_STREAM_FILES_H
#define COMMON_RECORDS_STREAM_FILES_H

#define STREAM_MDB "stream.mdb"

/* Locked while an aggregator has the state open. */
#define STREAM_LOCK "stream.lock"

#endif
