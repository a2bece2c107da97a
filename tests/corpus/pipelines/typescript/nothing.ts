// expect 2: has no pipeline | export default definePipeline
export const pipeline = {};
