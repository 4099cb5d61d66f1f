#!/bin/sh
# pipeline.sh: aggregator and sink between a queue and a database, until
# SIGTERM; for benches that bring their own publisher and judge. In the
# environment:
#
#   AMQP_URL, IN_QUEUE   the input queue; rows go through IN_QUEUE.rows
#   MYSQL_URL            an empty database
#   BIN                  the folder of the programs (build/bin of this checkout)
#   METRICS, EVERY       operators,chats,messages; the default of --every
#   KEEP                 the state is local or in the database (the default)
#
# Each message is stored in the table `messages` (tenant, created_at,
# conversation_id, message_id; DATETIME(3) in UTC). To see one:
#
#   select 1 from messages where tenant='{tenant}' and created_at='{at}' and
#   conversation_id='{chat}' and message_id='{id}'
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BIN:-$here/build/bin}
: "${AMQP_URL:?}" "${MYSQL_URL:?}" "${IN_QUEUE:?}"
export AMQP_URL MYSQL_URL
state=$(mktemp -d "${TMPDIR:-/tmp}/pipeline.XXXXXX")
aggregator='' sink=''
rows=queue:$IN_QUEUE.rows

# The aggregator ends first, so that the sink reads its last rows.
finish() {
	trap '' TERM INT
	for pid in $aggregator $sink; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	rm -rf "$state"
}
trap 'finish; exit 0' TERM INT
trap finish EXIT

cd "$state"
"$bin/sink" -q --migrate
"$bin/aggregator" -q -f "queue:$IN_QUEUE" -t "$rows" \
	-a "${METRICS:-operators,chats,messages}" ${EVERY:+--every "$EVERY"} \
	${KEEP:+--keep-state "$KEEP"} \
	--state "$state/stream" &
aggregator=$!
"$bin/sink" -q -f "$rows" &
sink=$!
wait "$aggregator" "$sink"
