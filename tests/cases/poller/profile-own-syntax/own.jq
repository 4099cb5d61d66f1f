def about: {;
