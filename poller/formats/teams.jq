# teams: for a workflow of Microsoft Teams that begins "when a webhook request
# is received" and posts an adaptive card.
{type: "message",
 attachments: [{
     contentType: "application/vnd.microsoft.card.adaptive",
     content: {
         "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
         type: "AdaptiveCard",
         version: "1.4",
         body: [{type: "TextBlock", text: .text, wrap: true}]}}]}
