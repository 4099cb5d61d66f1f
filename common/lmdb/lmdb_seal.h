/*
 * lmdb_seal: what an open LMDB file needs not to be verified again: a seal is
 * set when a verified file is closed in good order. It holds while nothing has
 * written to the file since then, for at most a day after the verification.
 *
 * The seal is an extended attribute of the file, so it is removed and renamed
 * with it, and a copy of the file has another inode, for which the seal does
 * not hold. It contains the inode, the size and the time of the last write, the
 * number of the last commit, and a checksum. A process that is killed after a
 * commit leaves a file that is newer than its seal. On a file system without
 * extended attributes, each start verifies the file.
 *
 * A disk that changes bytes without a write is not noticed by the seal: the
 * checksum of each value that is read still is verified, and all else once a
 * day.
 */
#ifndef COMMON_LMDB_LMDB_SEAL_H
#define COMMON_LMDB_LMDB_SEAL_H

#include <stdint.h>

/* Returns when the open file was last verified, in milliseconds of the system
 * clock; 0 if it must be verified now. commit: the number of the file's last
 * commit. */
int64_t lmdb_seal_get(int fd, uint64_t commit);

/* Seals the file, which was verified at that time and will not be written any
 * more. Errors are ignored: the next start verifies the file. */
void lmdb_seal_set(int fd, uint64_t commit, int64_t verified_ms);

/* Has the next start verify the file. */
void lmdb_seal_remove(int fd);

#endif
