/** A stand-in in `compat/`, or the module of the registry. */
export interface Implementation<Module> {
  /** The suffix of test names. */
  readonly name: string;
  readonly module: Module;
}

const compat = new URL("../../../src/launch/compat/", import.meta.url).href;

/**
 * Returns a module's stand-in, and the module of the registry if the launcher uses it, because the
 * registry answers or Deno has the module in its cache. Otherwise, an ignored test shows that it is
 * missing.
 *
 * @param specifier The specifier in the project, such as `@std/assert`.
 * @param standIn The stand-in.
 */
export async function implementations<Module>(
  specifier: string,
  standIn: Module,
): Promise<Implementation<Module>[]> {
  const found = [{ name: "stand-in", module: standIn }];
  if (import.meta.resolve(specifier).startsWith(compat)) {
    Deno.test.ignore(
      `${specifier} does the same as its stand-in [registry: not reachable]`,
      () => {},
    );
  } else {
    found.push({ name: "registry", module: await import(specifier) });
  }
  return found;
}

/**
 * Declares a test once for each implementation.
 *
 * @param those The implementations.
 * @param name The test's name, to which the implementation's is added.
 * @param body The test.
 */
export function forEachImplementation<Module>(
  those: readonly Implementation<Module>[],
  name: string,
  body: (module: Module) => void | Promise<void>,
): void {
  for (const { name: which, module } of those) {
    Deno.test(`${name} [${which}]`, () => body(module));
  }
}
