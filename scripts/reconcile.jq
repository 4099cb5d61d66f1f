# reconcile.jq: the rows of reconcile, or the chats whose events it needs.
#
# $print       "rows" or "chats"
# $report      Chatwoot's report of its agents; $agents: all of them
# $ours, $chatwoot  our intervals by both definitions; those that are credited
#              to an agent bot are nobody's, as in the report
# $facts       {CHAT: {bot: when a bot wrote first; late: true if a message came
#              after newer ones; by: {OPERATOR: true}, those who wrote or were
#              assigned}}
# $events      {CHAT: Chatwoot's events}, of the chats that were asked for
# $hours       true if the report counts business hours

def second: sub("[.][0-9]+Z$"; "Z") | fromdateiso8601;
def in_range: . >= $since and . < $until;
def milli: if . == null then null else . * 1000 | round / 1000 end;
def average:
    if length == 0 then null else map(.seconds) | add / length | milli end;
def by(key): reduce .[] as $x ({}; .[$x | key] += [$x]);
def of($operator; $kind): [.[$operator + " " + $kind][]?];
def by_figure: by("\(.operator) \(.kind)");

def intervals:
    [.[] | select(.type == "row" and .table == "intervals"
                  and (.withdrawn | not)
                  and (.kind | IN("first_response", "reply", "resolution")))
     | .operator |= (strings | select(startswith("bot-") | not)) // null
     | .end = (.end_at | second) | .seconds = .ms / 1000
     | select(.end | in_range)];

# Chatwoot's events of a chat, as intervals.
def as_intervals($chat):
    .[]
    | {first_response: "first_response", reply_time: "reply",
       conversation_resolved: "resolution"}[.name] as $kind
    | select($kind != null and (.created_at | second | in_range))
    | {chat: $chat, $kind, operator: (.user_id | values | tostring),
       end_at: .event_end_time, end: (.event_end_time | second),
       seconds: (if $hours then .value_in_business_hours else .value end),
       other_hours: ($hours and .value != .value_in_business_hours)};

# Those that are not in $others. A closing and its line may be a second apart.
def without($others):
    [.[] as $x
     | select(any($others[]; (.end - $x.end | fabs) <= 1
                             and (.seconds - $x.seconds | fabs) <= 1) | not)
     | $x];

# The differences in a chat between Chatwoot's events and our intervals by the
# same rules; all of ours if Chatwoot does not provide its events ($there is
# null).
def differences($there; $here):
    if $there == null then $here[]
    else ($there | without($here)[]),
         ($here | without($there)[] | .end as $at
          | .other_hours = any($there[]; .other_hours and .end == $at))
         | .is_told = true end;

# What ended an interval, without its name.
def answer: "\(.chat) \(.message) \(.kind == "resolution")";

# Why the other definition has $y, or null, instead of that interval.
def why_not_by_both($y; $fact):
    first((select($y == null and .kind == "first_response") | "outbound"),
          (select($y == null) | "reopening"),
          (select(.operator != $y.operator) | "transfer"),
          (select(.kind != $y.kind) | "reopening"),
          (select((.ms - $y.ms | fabs) < 1000) | ""),
          (select(.kind != "first_response") | "reopening"),
          (select($fact.bot != null and $fact.bot <= .end_at) | "bot"),
          "opening")
    | select(. != "");

# Why only one side has an interval by the same rules; empty if the reason is
# unknown.
def why_not_in_both($fact):
    first((select((.end - $since | fabs) <= 60 or (.end - $until | fabs) <= 60)
           | "edge"),
          (select(.other_hours == true) | "business hours"),
          (select($fact.bot != null and $fact.bot <= .end_at) | "bot"),
          (select($fact.late == true) | "late"),
          (select(.is_told == true) | "missing"));

def reason(why): {chat, reason: why};

$facts[0] as $facts
| ($ours | intervals) as $o | ($chatwoot | intervals) as $c
| ($o | by(answer)) as $o_answers | ($c | by(answer)) as $c_answers
| ($o | by_figure) as $ours | ($c | by_figure) as $theirs
| [$events[0] | to_entries[] | .key as $chat | .value | as_intervals($chat)]
| by_figure as $told
| (reduce $report[0][] as $r ({}; ."\($r.id)" = $r)) as $report
| (reduce $agents[0][] as $a ({}; ."\($a.id)" = $a.name)) as $names
| [($report | keys[]), ($o, $c | .[].operator | values)]
| unique_by(tonumber? // .)[]
| . as $who | $report[$who] as $line
| ("first_response", "reply", "resolution") as $kind
| ($line."avg_\($kind)_time") as $said
| ($theirs | of($who; $kind)) as $same | ($ours | of($who; $kind)) as $mine
| ($same | average) as $computed
| (if $said == null or $computed == null then null
   else $said - $computed | milli end) as $difference
| ($line != null
   and (($said == null) != ($computed == null)
        or ($difference // 0 | fabs) >= 0.5
        or ($kind == "resolution"
            and ($line.resolved_conversations_count // ($same | length))
                != ($same | length)))) as $differs
| if $print == "chats" then
      select($differs)
      | $same[].chat, ($facts | to_entries[] | select(.value.by[$who]) | .key)
  else
      select($said != null or $same != [] or $mine != [])
      | [($same[] | reason(why_not_by_both($o_answers[answer][0];
                                           $facts[.chat]))),
         ($mine[] | reason(why_not_by_both($c_answers[answer][0];
                                           $facts[.chat])))]
        + (if $line == null then [{reason: "removed"}]
           elif $differs | not then []
           else
               ($told | of($who; $kind)) as $stated
               | [($stated + $same | map(.chat) | unique[]) as $chat
                  | differences(
                        if $events[0][$chat] == null then null
                        else [$stated[] | select(.chat == $chat)] end;
                        [$same[] | select(.chat == $chat)])]
               | [.[] | reason(why_not_in_both($facts[.chat]))]
               | if . == [] then [{reason: "missing"}] else . end end)
      | group_by(.reason)
      | map(.[0].reason + ([.[].chat | values] | unique_by(tonumber? // .)
                           | if . == [] then "" else " " + join(",") end))
      | [$who, $names[$who], $kind, ($said | milli), $computed,
         ($mine | average), $difference, join("; ")]
      | map(. // "\u0001") | @tsv
  end
