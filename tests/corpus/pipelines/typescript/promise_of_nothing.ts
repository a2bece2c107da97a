// expect 2: does not contain a pipeline
export default Promise.resolve(undefined);
