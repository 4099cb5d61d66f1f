/*
 * store_format: what is in the file of a state: its tables, the number of its
 * format, and a checksum before each value; see store_impl.h.
 */
#include "poller/store/store_impl.h"

#include <string.h>
#include <sys/stat.h>

#include "common/digest/checksum.h"

#define MAP_MIN ((size_t)16 * 1024 * 1024)

const char *const store_table_names[STORE_TABLES] = { "meta", "chats",
	"customers", "statistics" };

static size_t
map_size(const char *path)
{
	struct stat st;
	size_t want = MAP_MIN;

	if (stat(path, &st) != 0)
		return want;
	while (want < (size_t)st.st_size * 2)
		want *= 2;
	return want;
}

int
store_open_env(const char *path, unsigned flags, MDB_env **env)
{
	int rc = mdb_env_create(env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(*env, STORE_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(*env, map_size(path));
	if (rc == 0)
		rc = mdb_env_open(*env, path, MDB_NOSUBDIR | flags, 0600);
	return rc;
}

uint64_t
store_checksum(const MDB_val *key, const MDB_val *data)
{
	return checksum(checksum(0, key->mv_data, key->mv_size), data->mv_data,
	    data->mv_size);
}

bool
store_without_sum(const MDB_val *stored, MDB_val *data)
{
	if (stored->mv_size < STORE_SUM_LEN)
		return false;
	data->mv_data = (char *)stored->mv_data + STORE_SUM_LEN;
	data->mv_size = stored->mv_size - STORE_SUM_LEN;
	return true;
}

MDB_val
store_key(const char *key)
{
	return (MDB_val){ strlen(key), (void *)(uintptr_t)key };
}

int
store_check_format(MDB_txn *txn, MDB_dbi meta)
{
	int64_t format = STORE_FORMAT;
	MDB_val key = store_key("format"), data;
	int rc = mdb_get(txn, meta, &key, &data);

	if (rc == 0 && (data.mv_size != sizeof format ||
			   memcmp(data.mv_data, &format, sizeof format) != 0))
		return MDB_VERSION_MISMATCH;
	return rc;
}

int
store_open_tables(MDB_txn *txn, MDB_dbi dbi[STORE_TABLES])
{
	int64_t format = STORE_FORMAT;
	MDB_val key = store_key("format"), data = { sizeof format, &format };
	int rc = 0, i;

	for (i = 0; rc == 0 && i < STORE_TABLES; i++)
		rc = mdb_dbi_open(
		    txn, store_table_names[i], MDB_CREATE, &dbi[i]);
	if (rc == 0)
		rc = store_check_format(txn, dbi[STORE_META]);
	if (rc == MDB_NOTFOUND)
		rc = mdb_put(txn, dbi[STORE_META], &key, &data, 0);
	return rc;
}
