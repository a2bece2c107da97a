import { openEngine } from "../../src/engine/engine.ts";
import { UserError } from "../../src/base/errors.ts";

/**
 * Declares a test once for the native engine and once for wasm. Where the native engine cannot be
 * had, its test says so and is done.
 *
 * @param name The test's name; the engine's is added.
 * @param body The test; the engine is open when it starts.
 */
export function testOnEachEngine(name: string, body: () => void | Promise<void>): void {
  for (const engine of ["native", "wasm"] as const) {
    Deno.test(`${name} (${engine})`, async () => {
      if (await canOpen(engine)) await body();
    });
  }
}

/**
 * Opens an engine for a test.
 *
 * @param engine Which one.
 * @returns False if it cannot be had here, which is said on standard error.
 */
export async function canOpen(engine: "native" | "wasm"): Promise<boolean> {
  try {
    await openEngine(engine);
    return true;
  } catch (error) {
    // Only for what stands in the way of its set-up; one that is set up and fails is a failure.
    if (!(error instanceof UserError && error.cause instanceof UserError)) throw error;
    console.error(`skipped: ${error.message}`);
    return false;
  }
}
