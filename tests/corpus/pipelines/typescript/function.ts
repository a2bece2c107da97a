// expect 2: has no pipeline: its default export is no pipeline
export default () => ({ name: "digits" });
