#!/usr/bin/env -S python3 -B
"""api_openapi: openapi.json is a valid OpenAPI 3.1 description, and the API's
answers match it: good answers of every path and role, each problem, the login,
and the stream; checked by an independent validator.
"""

import http.client
import json
import random
import re
from urllib.parse import quote

import api
from api_client import PATIENCE, Server, resources, token
from harness import Checklist, need, run_checks, seed

need("jsonschema", "python3-jsonschema")
import jsonschema  # noqa: E402
from jsonschema import Draft202012Validator, FormatChecker  # noqa: E402

OURS = api.OURS
ROLES = ["wall", "operator", "lead", "admin"]

# What OpenAPI 3.1 requires of a document; its schemas are JSON Schema 2020-12.
ROLE = {"type": "array", "minItems": 1, "items": {"enum": ROLES}}
OPERATION = {
    "type": "object",
    "required": ["operationId", "summary", "security", "responses"],
    "properties": {
        "operationId": {"type": "string", "pattern": "^[a-z_]+$"},
        "summary": {"type": "string", "minLength": 3},
        "security": {"type": "array", "items": {
            "type": "object", "minProperties": 1, "maxProperties": 1,
            "properties": {"bearer": ROLE, "session": ROLE},
            "additionalProperties": False}},
        "parameters": {"type": "array", "items": {"anyOf": [
            {"type": "object", "required": ["$ref"]},
            {"type": "object", "required": ["name", "in", "schema"],
             "properties": {"in": {"enum": ["path", "query", "header"]}}}]}},
        "requestBody": {"type": "object", "required": ["content"]},
        "responses": {
            "type": "object", "required": ["default"],
            "propertyNames": {"pattern": "^([23][0-9][0-9]|422|default)$"},
            "additionalProperties": {"anyOf": [
                {"type": "object", "required": ["$ref"]},
                {"type": "object", "required": ["description"]}]}}},
    "additionalProperties": False,
}
DOCUMENT = {
    "type": "object", "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {"type": "object", "required": ["title", "version"]},
        "components": {"type": "object"},
        "paths": {
            "type": "object",
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "type": "object", "minProperties": 1,
                "properties": {"get": OPERATION, "post": OPERATION},
                "additionalProperties": False}}},
    "additionalProperties": False,
}


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb")
        self.door = lab.door("mariadb")
        lab.env["MYSQL_URL"] = self.door.url
        lab.must(["sink", "-c", lab.conf("m.conf", {"sink": {}}),
                  "--migrate"])
        self.world = api.World(lab, random.Random(seed()))
        self.sql = self.world.sql
        self.server = Server(lab, {"serve": {"rate": 0}})
        answer = self.server.ask(api.V1 + "openapi.json")
        self.that(answer.status == 200
                  and answer.headers["Content-Type"] == "application/json",
                  f"without a token: {answer.status}")
        self.document = answer.json()
        self.paths = resources(self.document)
        self.seen = set()
        self.sql.ask("INSERT INTO message_analytics (tenant, id, created_at, "
                     "message_id, conversation_id, channel_id, direction, "
                     "sentiment_label, intent_name, response_time) SELECT "
                     f"'{OURS}', message_id, UTC_TIMESTAMP(3), message_id, "
                     "conversation_id, channel, 'inbound', 'good', 'order', "
                     f"1.5 FROM messages WHERE tenant = '{OURS}' "
                     "GROUP BY message_id")

    def refs(self, v):
        if isinstance(v, dict):
            if "$ref" in v:
                yield v["$ref"]
            v = list(v.values())
        for each in v if isinstance(v, list) else ():
            yield from self.refs(each)

    def resolved(self, v):
        while "$ref" in v:
            place = self.document
            for name in v["$ref"].removeprefix("#/").split("/"):
                place = place[name]
            v = place
        return v

    def it_is_openapi(self):
        try:
            Draft202012Validator(DOCUMENT).validate(self.document)
            for schema in self.document["components"]["schemas"].values():
                Draft202012Validator.check_schema(schema)
        except jsonschema.exceptions.ValidationError as e:
            self.that(False, f"{list(e.absolute_path)}: {e.message}")
        for ref in self.refs(self.document):
            self.that(self.resolved({"$ref": ref}), ref)
        ids = [o["operationId"] for path in self.document["paths"].values()
               for o in path.values()]
        self.that(len(ids) == len(set(ids)), f"two are called alike: {ids}")
        for path, operation in self.paths.items():
            self.that({"200", "304"} <= set(operation["get"]["responses"]),
                      f"{path}: no answer, or no 304")
            named = {p["name"] for p in map(
                self.resolved, operation["get"].get("parameters", []))
                if p["in"] == "path" and p["required"]}
            self.that(named == set(re.findall(r"\{(\w+)\}", path)),
                      f"{path}: the parts of the path are {named}")

    def fits(self, path, answer, method="get"):
        """The answer matches the description of its path."""
        text = f"{path}: {answer.status} {answer.body[:300]!r}"
        operation = self.document["paths"][path][method]
        status = str(answer.status)
        if answer.status >= 400 and status not in operation["responses"]:
            status = "default"
        described = operation["responses"].get(status)
        if not self.that(described, f"{text} is not described"):
            return
        self.seen.add((path, status))
        described = self.resolved(described)
        for name, header in described.get("headers", {}).items():
            self.that(name in answer.headers or name == "Link",
                      f"{text}: no {name}")
        kind = (answer.headers["Content-Type"] or "").split(";")[0]
        content = described.get("content")
        if content is None:
            self.that(answer.body == b"", text)
            return
        if not self.that(kind in content, f"{text}: {kind}"):
            return
        schema = content[kind].get("schema")
        if schema is None or kind == "text/csv":
            return
        # Including what its references name.
        validator = Draft202012Validator(
            {**schema, "components": self.document["components"]},
            format_checker=FormatChecker())
        rows = ([json.loads(line) for line in answer.body.splitlines()]
                if kind.endswith("ndjson") else [answer.json()])
        for row in rows:
            for error in validator.iter_errors(row):
                self.that(False, f"{path}: {list(error.absolute_path)}: "
                                 f"{error.message}")

    def target(self, path, **instead):
        """A request that can be answered."""
        ids = {"chat": "SELECT chat FROM chat_metrics",
               "conversation_id": "SELECT conversation_id FROM messages",
               "channel_id": "SELECT channel FROM channel_metrics"}
        if path.endswith("timeline"):
            ids["chat"] = ids["conversation_id"]

        def value(match):
            name = match.group(1)
            column = ids[name].split()[1]
            # The client escapes line feeds and backslashes.
            rows = self.sql.ask(
                f"{ids[name]} WHERE tenant = '{OURS}' AND NOT INSTR({column}, "
                f"CHAR(10)) AND NOT INSTR({column}, CHAR(92)) LIMIT 1")
            return quote(instead.get(name, rows[0][0]), safe="")

        target = re.sub(r"\{(\w+)\}", value, path)
        if any(p.get("name") == "tenant_id" for p in self.paths[
                path]["get"].get("parameters", [])):
            target += (f"?tenant_id={OURS}&start_time=2020-01-01T00:00:00Z"
                       "&end_time=2026-12-31T00:00:00Z")
            if "channels" in path:
                target = target.replace("2020-01", "2026-11")
        return target

    def good_answers_fit(self):
        for path, operation in self.paths.items():
            operation = operation["get"]
            least = operation["security"]
            if not least:
                self.fits(path, self.server.ask(self.target(path)))
                self.other_forms_fit(path, None)
                continue
            least = ROLES.index(least[0]["bearer"][0])
            for n, role in enumerate(ROLES):
                bearer = token(tenant_id=OURS, role=role, sub="ours1")
                answer = self.server.ask(self.target(path), bearer)
                self.that((answer.status == 403) == (n < least),
                          f"{path} as {role}: {answer.status}")
                self.fits(path, answer)
            self.that(answer.status == 200, f"{path}: {answer.status}")
            self.other_forms_fit(path, bearer)

    def other_forms_fit(self, path, bearer):
        ends = {".ndjson": "application/x-ndjson", ".csv": "text/csv"}
        good = self.paths[path]["get"]["responses"]["200"]
        for end, kind in ends.items():
            if "messages/conversation" in path:
                continue  # the suffix belongs to the id
            place, *query = self.target(path).split("?")
            answer = self.server.ask("?".join([place + end, *query]), bearer)
            self.that(answer.status == (200 if kind in good["content"]
                                        else 406),
                      f"{path}{end}: {answer.status}")
            self.fits(path, answer)
        target = self.target(path)
        if "dashboard" in path or "health" in path:
            return  # changes with the current time
        # An answer up to now changes with the minute, but not twice at once.
        etag = self.server.ask(target, bearer).headers["ETag"]
        again = self.server.ask(target, bearer,
                                headers={"If-None-Match": etag})
        if again.status == 200:
            again = self.server.ask(target, bearer, headers={
                "If-None-Match": again.headers["ETag"]})
        self.that(again.status == 304, f"{path}: {again.status}")
        self.fits(path, again)

    def problems_fit(self):
        admin = token(tenant_id=OURS, role="admin")
        for path, operation in self.paths.items():
            target = self.target(path)
            self.fits(path, self.server.ask(target, admin, "DELETE"))
            self.fits(path, self.server.ask(
                target, admin, body=100000 * "x",
                headers={"Content-Type": "application/json"}))
            self.fits(path, self.server.ask(target + 5000 * "x", admin))
            self.fits(path, self.server.ask(target, admin, headers={
                f"X-{n}": "y" for n in range(70)}))
            if operation["get"]["security"]:
                self.fits(path, self.server.ask(target))
                self.fits(path, self.server.ask(target, "nonsense"))
            answer = self.server.ask(target + (
                "&" if "?" in target else "?") + "nonsense=1", admin)
            original = "/analytics" in path or "/messages/" in path or \
                path == "/health"
            self.that(answer.status == (200 if original else 400),
                      f"{path}: {answer.status} for what it does not have")
            self.fits(path, answer)
            if "{" in path:
                for bad in ("%00", "none-of-these"):
                    self.fits(path, self.server.ask(
                        self.target(path, chat=bad).replace("%2500", "%00"),
                        admin))
                self.fits(path, self.server.ask(
                    re.sub(r"\{\w+\}", "%ff", path) + (
                        target[target.index("?"):] if "?" in target else ""),
                    admin))
            for parameter in map(self.resolved, operation["get"].get(
                    "parameters", [])):
                if parameter["name"] in ("limit", "from", "cursor", "period",
                                         "end_time", "tenant_id"):
                    answer = self.server.ask(
                        target.split("?")[0] + f"?{parameter['name']}=-",
                        admin)
                    self.that(answer.status in (400, 403, 422),
                              f"{path}: {answer.status} for {parameter}")
                    self.fits(path, answer)

        for path, more, who in (
                ("/api/v1/responses", "group=operator", {"role": "wall"}),
                ("/api/v1/heatmap", "operator=9",
                 {"role": "operator", "sub": "7"}),
                ("/api/v1/analytics/dashboard", "x=%00", {"role": "admin"}),
                ("/api/v1/analytics/health", "x=%00", {"role": "admin"}),
                ("/health", "x=%00", {"role": "admin"})):
            target = self.target(path)
            self.fits(path, self.server.ask(
                target + ("&" if "?" in target else "?") + more,
                token(tenant_id=OURS, **who)))

    def login_and_logout_fit(self):
        good = "token=" + token(tenant_id=OURS, role="wall")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        elsewhere = {"Sec-Fetch-Site": "cross-site", **form}
        many = {f"X-{n}": "y" for n in range(70)}
        asked = [("/login", 303, "POST", form, good),
                 ("/login", 400, "POST", form, "token="),
                 ("/login", 401, "POST", form, "token=nonsense"),
                 ("/login", 403, "POST", elsewhere, good),
                 ("/login", 415, "POST", {"Content-Type": "text/plain"}, good),
                 ("/logout", 303, "POST", form, ""),
                 ("/logout", 403, "POST", elsewhere, "")]
        for path in "/login", "/logout":
            asked += [(path, 405, "DELETE", {}, None),
                      (path, 413, "POST", form, 100000 * "x"),
                      (path, 431, "POST", {**form, **many}, "")]
            answer = self.server.ask(path + "?" + 5000 * "x", None, "POST",
                                     form, "")
            self.that(answer.status == 414, f"{path}: {answer.status}")
            self.fits(path, answer, "post")
        for path, status, method, headers, sent in asked:
            answer = self.server.ask(path, None, method, headers, sent)
            self.that(answer.status == status,
                      f"{path}: {answer.status}, not {status}")
            self.fits(path, answer, "post")

    def the_stream_fits(self):
        path, bearer = "/api/v1/now/stream", token(tenant_id=OURS, role="wall")
        for status, target, who, method in (
                (400, path + "?x=1", bearer, "GET"), (401, path, None, "GET"),
                (405, path, bearer, "DELETE"),
                (414, path + "?" + 5000 * "x", bearer, "GET")):
            answer = self.server.ask(target, who, method)
            self.that(answer.status == status,
                      f"{path}: {answer.status}, not {status}")
            self.fits(path, answer)
        now = self.server.ask("/api/v1/now", bearer)
        c = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                       timeout=PATIENCE)
        c.request("GET", path, headers={"Authorization": "Bearer " + bearer})
        got = c.getresponse()
        kind = got.headers["Content-Type"].split(";")[0]
        good = self.document["paths"][path]["get"]["responses"]["200"]
        self.that(got.status == 200 and kind in good["content"],
                  f"{path}: {got.status}, {kind}")
        event = {}
        while not {"event", "id", "data"} <= set(event):
            name, _, value = got.readline().decode().partition(": ")
            event[name] = value.rstrip("\n")
        c.close()
        self.that(event["event"] == "now"
                  and f'"{event["id"]}"' == now.headers["ETag"]
                  and json.loads(event["data"]) == now.json(),
                  f"{path}: {event}")

    def a_database_that_is_away_fits(self):
        targets = {path: self.target(path) for path in self.paths}
        self.door.shut()
        admin = token(tenant_id=OURS, role="admin")
        for path, target in targets.items():
            self.fits(path, self.server.ask(target, admin))

    def each_status_was_seen(self):
        """Every status except 304 occurred."""
        for path, operation in self.paths.items():
            for status in operation["get"]["responses"]:
                self.that(status == "304" or (path, status) in self.seen,
                          f"{path}: {status} was never answered")


run_checks(Test)
