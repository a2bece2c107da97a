export default Promise.resolve(1);
