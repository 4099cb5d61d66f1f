#!/usr/bin/env bash
# Tests scripts/examples/alerts.yml.example with promtool: each alert fires for
# its own fault and for no other, and the metrics that the alerts read are
# documented.
set -euo pipefail

fail() {
	echo "FAILED: $*" >&2
	exit 1
}
rules=$PWD/scripts/examples/alerts.yml.example
tmp=$(mktemp -d "${TMPDIR:-/tmp}/alerts.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

echo "- what they read is described"
page=man/man7/messaging-monitoring.7
grep -v '^ *#' "$rules" | grep -o 'messaging_[a-z_]*' | sort -u >"$tmp/names"
[ "$(wc -l <"$tmp/names")" -ge 7 ] || fail "$(cat "$tmp/names")"
while read -r name; do
	grep -q "^\.It Li $name\b" "$page" || fail "$page does not describe $name"
done <"$tmp/names"

sed -n 's/^ *- alert: //p' "$rules" >"$tmp/alerts"
sed -n '/^\.Sh ALERTS/,/^\.Sh SEE/s/^\.It Li \([A-Za-z]*\) Ta .*/\1/p' $page | diff - "$tmp/alerts" ||
	fail "$page describes other alerts"

command -v promtool >/dev/null || {
	echo "promtool is missing: scripts/install-deps monitoring"
	exit 77
}
echo "- the rules and the configuration are Prometheus'"
promtool check rules "$rules" >"$tmp/said" || fail "$(cat "$tmp/said")"
sed "s,/etc/prometheus/messaging-alerts.yml,$rules," \
	scripts/examples/prometheus.yml.example >"$tmp/prometheus.yml"
promtool check config "$tmp/prometheus.yml" >"$tmp/said" || fail "$(cat "$tmp/said")"

echo "- each fires in its fault and in no other"
# One hour of samples, one per minute. A fault replaces one series; half an hour
# into it, only its alert fires, with those labels.
python3 - "$rules" >"$tmp/test.yml" <<'END'
import json
import re
import sys

# All times of the test count from 0.
WELL = {
    'messaging_tenant_as_of_timestamp_seconds{tenant="a"}': "0+60x60",
    'messaging_tenant_as_of_timestamp_seconds{tenant="b"}': "0+60x60",
    'messaging_database_up': "1x60",
    'messaging_tenant_late_chats{tenant="a"}': "0x60",
    'messaging_tenant_soon_chats{tenant="a"}': "3x60",
    'messaging_tenant_targets{tenant="a",kind="reply",result="kept"}': "80x60",
    'messaging_tenant_targets{tenant="a",kind="reply",result="missed"}':
    "20x60",
    # Too few to tell.
    'messaging_tenant_targets{tenant="b",kind="reply",result="kept"}': "2x60",
    'messaging_tenant_targets{tenant="b",kind="reply",result="missed"}': "3x60",
    'messaging_job_last_success_timestamp_seconds{task="job",config="/a"}':
    "0+60x60",
    'messaging_job_last_success_timestamp_seconds{task="job",config="/b"}':
    "0+60x60",
    # A Monday.
    'messaging_job_last_success_timestamp_seconds{task="report",config="/a"}':
    "-90000x60",
    'messaging_job_last_run_succeeded{task="report",config="/a"}': "1x60",
    'messaging_job_last_run_succeeded{task="report",tenant="a",config="/b"}':
    "1x60",
    'messaging_job_last_run_succeeded{task="report",tenant="b",config="/b"}':
    "1x60",
    # One forbidden chat; the reaper made no calls.
    'messaging_crm_calls_total{mode="poll",tenant="a",result="ok"}': "0+9x60",
    'messaging_crm_calls_total{mode="poll",tenant="a",result="refused"}':
    "0+1x60",
    'messaging_crm_calls_total{mode="poll",tenant="a",result="limited"}':
    "0x60",
    'messaging_crm_calls_total{mode="status",tenant="a",result="ok"}': "0x60",
    'messaging_crm_calls_left{tenant="a"}': "9000-9x60",
    'rabbitmq_queue_messages{queue="rows"}': "5x60",
    'rabbitmq_queue_messages{queue="rows.dead"}': "0x60",
    'messaging_listener_dead_letters_total': "3x60",
    'messaging_http_requests_total{job="messaging-listener",instance="l",'
    'result="accepted"}': "0+600x60",
    'messaging_http_requests_total{job="messaging-listener",instance="l",'
    'result="refused"}': "0+600x60",
    'messaging_http_requests_total{job="messaging-listener",instance="l",'
    'result="later"}': "0x60",
    'messaging_listener_broker_confirms{instance="l"}': "1x60",
    'messaging_listener_waiting_requests{instance="l"}': "7x60",
    'messaging_daemon_written_timestamp_seconds{program="sink",queue="rows"}':
    "0+60x60",
    'up{job="messaging-listener",instance="l"}': "1x60",
    'up{job="node",instance="n"}': "0x60",
}
LATER = [k for k in WELL if "later" in k][0]
FAULTS = {
    "MessagingTenantStale": (
        {'messaging_tenant_as_of_timestamp_seconds{tenant="b"}': "0x60"},
        {"tenant": "b", "severity": "critical"}),
    "MessagingCustomersLate": (
        {'messaging_tenant_late_chats{tenant="a"}': "0x20 1x40"},
        {"tenant": "a", "severity": "warning"}),
    "MessagingCustomersSoonLate": (
        {'messaging_tenant_soon_chats{tenant="a"}': "3x20 4x40"},
        {"tenant": "a", "severity": "info"}),
    "MessagingTargetsMissed": (
        {'messaging_tenant_targets{tenant="a",kind="reply",result="missed"}':
         "20x20 30x40"},
        {"tenant": "a", "severity": "info"}),
    "MessagingDatabaseAway": (
        {'messaging_database_up': "0x60"}, {"severity": "critical"}),
    "MessagingJobFailing": (
        {'messaging_job_last_success_timestamp_seconds{task="job",'
         'config="/b"}': "0x60"},
        {"task": "job", "config": "/b", "severity": "critical"}),
    "MessagingReportFailed": (
        {'messaging_job_last_run_succeeded{task="report",tenant="b",'
         'config="/b"}': "1x20 0x40"},
        {"task": "report", "tenant": "b", "config": "/b",
         "severity": "warning"}),
    "MessagingCallsRefused": (
        {'messaging_crm_calls_total{mode="poll",tenant="a",result="ok"}':
         "0+9x10 90x50"},
        {"tenant": "a", "severity": "critical"}),
    "MessagingCallsUsedUp": (
        {'messaging_crm_calls_left{tenant="a"}': "90-9x10 0x50"},
        {"tenant": "a", "severity": "critical"}),
    "MessagingDeadLetters": (
        {'rabbitmq_queue_messages{queue="rows.dead"}': "2x60"},
        {"queue": "rows.dead", "severity": "warning"}),
    "MessagingWebhooksNotUnderstood": (
        {'messaging_listener_dead_letters_total': "3x25 4x35"},
        {"severity": "warning"}),
    "MessagingListenerRefusing": (
        {LATER: "0+200x60"}, {"instance": "l", "severity": "critical"}),
    "MessagingSpoolFilling": (
        {'messaging_listener_broker_confirms{instance="l"}': "0x60"},
        {"instance": "l", "severity": "warning"}),
    "MessagingDaemonSilent": (
        {'messaging_daemon_written_timestamp_seconds{program="sink",'
         'queue="rows"}': "0+60x25 1500x35"},
        {"program": "sink", "queue": "rows", "severity": "critical"}),
    "MessagingDaemonAway": (
        {'up{job="messaging-listener",instance="l"}': "0x60"},
        {"job": "messaging-listener", "instance": "l",
         "severity": "critical"}),
}
# Texts of alerts with and without a tenant.
TEXTS = [
    ("", "the last report of /a was not mailed"),
    ('tenant="b",', "the last report of b of /a was not mailed"),
]
text = open(sys.argv[1], encoding="utf-8").read()
alerts = re.findall(r"- alert: (\w+)", text)
assert sorted(alerts) == sorted(FAULTS), alerts


tests = []
for fault, (series, labels) in [(None, ({}, {}))] + list(FAULTS.items()):
    values = dict(WELL)
    values.update(series)
    # ALERTS has the firing alerts without their texts, which depend on values.
    labels = dict(labels, alertname=fault, alertstate="firing")
    expected = [] if fault is None else [{
        "labels": "ALERTS{%s}" % ",".join(
            "%s=%s" % (k, json.dumps(v)) for k, v in sorted(labels.items())),
        "value": 1}]
    tests.append({
        "name": fault or "all is well", "interval": "1m",
        "input_series": [{"series": k, "values": v}
                         for k, v in values.items()],
        "promql_expr_test": [{
            "expr": 'ALERTS{alertstate="firing"}', "eval_time": "30m",
            "exp_samples": expected}]})
[action] = re.findall("action: '(run mail-report .*)'", text)
for tenant, said in TEXTS:
    labels = {"task": "report", "config": "/a", "severity": "warning"}
    if tenant:
        labels["tenant"] = "b"
    tests.append({
        "name": said, "interval": "1m",
        "input_series": [{
            "series": "messaging_job_last_run_succeeded"
                      '{task="report",%sconfig="/a"}' % tenant,
            "values": "0x60"}],
        "alert_rule_test": [{
            "alertname": "MessagingReportFailed", "eval_time": "30m",
            "exp_alerts": [{"exp_labels": labels, "exp_annotations": {
                "summary": said, "action": action}}]}]})
print(json.dumps({"rule_files": [sys.argv[1]], "evaluation_interval": "1m",
                  "tests": tests}, indent=1))
END
promtool test rules "$tmp/test.yml" >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"

echo "- and this test can fail"
sed 's/> 900/> 90000/' "$rules" >"$tmp/other"
sed "s,$rules,$tmp/other," "$tmp/test.yml" >"$tmp/other.yml"
! promtool test rules "$tmp/other.yml" >"$tmp/said" 2>&1 || fail "it does not"
