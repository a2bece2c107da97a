// expect 2: cannot be loaded: Error: not today | --debug
throw new Error("not today");
