// expect 2: contains itself
const pipeline: Record<string, unknown> = { name: "digits" };
pipeline.train = pipeline;
export default pipeline;
