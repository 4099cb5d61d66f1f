# telegram: for https://api.telegram.org/botTOKEN/sendMessage; recipient is the
# id of the chat.
{chat_id: .recipient, text: .text, disable_web_page_preview: true}
