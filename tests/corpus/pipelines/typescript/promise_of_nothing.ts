// expect 2: has no pipeline
export default Promise.resolve(undefined);
