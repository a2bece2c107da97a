// expect 2: cannot be loaded | is not a function
export default (null as unknown as () => object)();
