// expect 2: optimizer.rate
export default { extends: "../base.yaml", optimizer: { rate: 0 / 0 } };
