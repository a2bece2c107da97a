/**
 * Opens the engine that needs no set-up, for the examples in the documentation: `deno test --doc`
 * loads it before each of them.
 *
 * @module
 */

import { openEngine } from "../../src/engine/engine.ts";

await openEngine("wasm");
