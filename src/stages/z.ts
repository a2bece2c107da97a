import * as zod from "zod";

/**
 * [zod](https://zod.dev), for the schemas of stages' options.
 *
 * @example
 * ```ts
 * import { z } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * const options = z.object({ units: z.int().positive().default(8).describe("The number of units of the layer.") });
 * assertEquals(options.parse({}), { units: 8 });
 * ```
 */
export const z: typeof import("zod") = zod;

// The types are derived from functions and classes. If they were named directly, `deno doc` would
// document the package as part of this one.
/** The types of zod that stages need, with the same names as in zod. */
export declare namespace z {
  /** A schema of values of any type. */
  export type ZodType<Output = unknown> = InstanceType<(typeof zod)["ZodType"]> & {
    readonly _zod: { readonly output: Output };
  };
  /** A schema of numbers. */
  export type ZodNumber = ReturnType<(typeof zod)["number"]>;
  /** A schema of objects with known keys. */
  export type ZodObject = InstanceType<(typeof zod)["ZodObject"]>;
  /** The error with all problems that a schema found in a value. */
  export type ZodError = InstanceType<(typeof zod)["ZodError"]>;
  /** The type of values that a schema accepts. */
  export type input<Schema extends ZodType> = Schema["_zod"]["input"];
  /** The type of values that a schema returns, with defaults filled in. */
  export type output<Schema extends ZodType> = Schema["_zod"]["output"];
  /** The same type as {@linkcode output}. Code that uses zod usually calls it `z.infer`. */
  export type infer<Schema extends ZodType> = Schema["_zod"]["output"];
}
