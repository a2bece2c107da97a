// expect 2: seed | 3
export default { extends: "../base.yaml", seed: 3n };
