// expect 2: Error: not this one
export default {
  name: "digits",
  get train() {
    throw new Error("not this one");
  },
};
