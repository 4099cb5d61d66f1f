# plain: the text alone, as text/plain.
.text
