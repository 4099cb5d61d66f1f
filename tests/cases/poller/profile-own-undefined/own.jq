def about:
  no_such_thing;
