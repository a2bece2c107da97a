// expect 2: cannot be loaded
throw null;
