def failure: if .answer.error then {error: "denied"} else null end;
def chats_read: {records: .answer.chats};
