import { cLibrary } from "../../base/machine/libc.ts";

/**
 * Runs a function while the process's standard error is turned off at the level of the operating
 * system.
 *
 * TensorFlow's libraries print messages while they are loaded, before they read their log level.
 * There is no other way to suppress them. If the C library cannot be called, the function runs with
 * standard error turned on.
 *
 * @typeParam T What the function returns.
 * @param body The function, which must not be asynchronous.
 * @returns What the function returns.
 */
export function withoutStderr<T>(body: () => T): T {
  const name = cLibrary();
  if (name === undefined) return body();
  let c;
  try {
    c = Deno.dlopen(name, {
      open: { parameters: ["buffer", "i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
      dup: { parameters: ["i32"], result: "i32" },
      dup2: { parameters: ["i32", "i32"], result: "i32" },
    });
  } catch {
    return body();
  }
  const writeOnly = 1;
  const nowhere = c.symbols.open(new TextEncoder().encode("/dev/null\0"), writeOnly);
  const kept = c.symbols.dup(2);
  try {
    if (nowhere >= 0 && kept >= 0) c.symbols.dup2(nowhere, 2);
    return body();
  } finally {
    if (kept >= 0) c.symbols.dup2(kept, 2);
    for (const descriptor of [kept, nowhere]) if (descriptor >= 0) c.symbols.close(descriptor);
    c.close();
  }
}
