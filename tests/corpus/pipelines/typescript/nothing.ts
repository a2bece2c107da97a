// expect 2: does not contain a pipeline | export default definePipeline
export const pipeline = {};
