/** The memory that WebAssembly can address, in bytes. */
export const WASM_BYTES: number = 2 ** 32;
