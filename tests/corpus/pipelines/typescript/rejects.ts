// expect 2: cannot be loaded: Error: later
export default Promise.reject(new Error("later"));
