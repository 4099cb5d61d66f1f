# Each expression and its value, in the lines of a path.
def chats_request: [
  ["$ENV.SECRET", ($ENV.SECRET)],
  ["env.SECRET", (env.SECRET)],
  ["env | length", (env | length)],
  ["$ENV | length", ($ENV | length)],
  ["input_filename", (input_filename)],
  ["[inputs] | length", ([inputs] | length)],
  ["get_search_list | length", (get_search_list | length)],
  ["try input catch \"x\"", (try input catch "x")],
  ["try (\"a\" | modulemeta) catch \"x\"", (try ("a" | modulemeta) catch "x")],
  ["try halt catch \"x\"", (try halt catch "x")],
  [".tenant", (.tenant)],
  [".options.bot_operators[0]", (.options.bot_operators[0])],
  [".options.history", (.options.history)],
  ["[5,6,5] | [indices(5), indices([6,5]), indices([])]", ([5,6,5] | [indices(5), indices([6,5]), indices([])])],
  ["[5,6,5] | [index(5), rindex(5), index(7), rindex(7)]", ([5,6,5] | [index(5), rindex(5), index(7), rindex(7)])],
  ["[5,[6]] | [index([[6]]), index([6]), index([5,[6],7])]", ([5,[6]] | [index([[6]]), index([6]), index([5,[6],7])])],
  ["\"aba\" | [indices(\"a\"), index(\"a\"), rindex(\"a\")]", ("aba" | [indices("a"), index("a"), rindex("a")])],
  ["try (7 | index(7)) catch \"x\"", (try (7 | index(7)) catch "x")],
  ["[\"aba\" | ltrimstr(\"a\", \"b\", 7)] | join(\" \")", (["aba" | ltrimstr("a", "b", 7)] | join(" "))],
  ["[\"aba\" | rtrimstr(\"a\", \"b\", 7)] | join(\" \")", (["aba" | rtrimstr("a", "b", 7)] | join(" "))],
  ["7 | [ltrimstr(\"a\"), rtrimstr(\"a\")]", (7 | [ltrimstr("a"), rtrimstr("a")])]
] | {path: "/\(map("\n\(.[0])  is \(.[1])") | add)"};
