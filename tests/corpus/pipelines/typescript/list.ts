// expect 2: does not contain a pipeline: its default export is not a pipeline
export default [];
