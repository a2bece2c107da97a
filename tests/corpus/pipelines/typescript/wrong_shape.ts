// expect 2: train.epochs | "3" | (train.epochs)
export default { extends: "../base.yaml", train: { epochs: "3" } };
