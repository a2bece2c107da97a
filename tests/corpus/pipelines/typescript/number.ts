// expect 2: does not contain a pipeline: its default export is not a pipeline
// follow pipeline/export: 42 => { extends: '../base.yaml' }
export default 42;
