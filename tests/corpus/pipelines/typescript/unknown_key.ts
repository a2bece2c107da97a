// expect 2: "optimiser" | did you mean optimizer
export default { extends: "../base.yaml", optimiser: {} };
