/** A module's stand-in in `compat/`, or the module of the registry itself. */
export interface Implementation<Module> {
  /** What is added to a test's name. */
  readonly name: string;
  readonly module: Module;
}

const compat = new URL("../../../src/launch/compat/", import.meta.url).href;

/**
 * A module's stand-in, and the registry's module if the launcher put no stand-in in its place: it
 * does wherever the registry answers, or Deno has the module in its cache. Elsewhere an ignored
 * test says so.
 *
 * @param specifier What the project imports, such as `@std/assert`.
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
