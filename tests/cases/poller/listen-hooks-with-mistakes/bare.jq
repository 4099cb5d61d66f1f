def about: {};
