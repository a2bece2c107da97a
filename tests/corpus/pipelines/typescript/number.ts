// expect 2: has no pipeline: its default export is no pipeline
// follow pipeline/export: 42 => { extends: '../base.yaml' }
export default 42;
