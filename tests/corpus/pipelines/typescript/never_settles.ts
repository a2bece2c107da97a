// expect 2: its default export is a promise that did not settle
export default new Promise(() => {});
