// expect 2: seed
export default { extends: "../base.yaml", seed: () => 3 };
