#!/bin/sh
# The description of the API, by a validator that is not ours (jsonschema): that
# of Python's packages, else Debian's.
for python in python3 /usr/bin/python3; do
	if "$python" -c 'import jsonschema' 2>/dev/null; then
		exec "$python" -B "$(dirname "$0")/api_openapi.py"
	fi
done
echo "jsonschema is missing; install python3-jsonschema"
exit 77
