// expect 2: network
export default { extends: "../base.yaml", network: { use: () => {} } };
