# slack: for an incoming webhook of Slack, Mattermost or Rocket.Chat.
{text: (.text
    | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;"))}
