// expect 2: name
export default { extends: "../base.yaml", name: Symbol("digits") };
