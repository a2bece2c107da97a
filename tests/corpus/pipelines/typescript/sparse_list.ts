// expect 2: losses needs "[0]"
// deno-lint-ignore no-sparse-arrays
export default { extends: "../base.yaml", losses: [, { use: "cross-entropy", on: "light" }] };
