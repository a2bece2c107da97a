// expect 2: its default export is a promise that nothing settles
export default new Promise(() => {});
