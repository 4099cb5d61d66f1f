# json: the whole message. messaging-notices(7) lists its members.
.
