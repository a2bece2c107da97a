// expect 2: optimizer.learningRate
export default { extends: "../base.yaml", optimizer: { learningRate: 0 / 0 } };
