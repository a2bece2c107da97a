import * as zod from "zod";

/**
 * [zod](https://zod.dev), for the schemas of stages' options.
 *
 * @example
 * ```ts
 * import { z } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * const options = z.object({ units: z.int().positive().default(8).describe("How many units.") });
 * assertEquals(options.parse({}), { units: 8 });
 * ```
 */
export const z: typeof import("zod") = zod;

// They are taken from functions and classes, and not by their names: `deno doc` would take the
// package for a part of this one.
/** The types of zod that stages are written with, by their names there. */
export declare namespace z {
  /** Any schema of a value. */
  export type ZodType<Output = unknown> = InstanceType<(typeof zod)["ZodType"]> & {
    readonly _zod: { readonly output: Output };
  };
  /** A schema of a number. */
  export type ZodNumber = ReturnType<(typeof zod)["number"]>;
  /** A schema of an object. */
  export type ZodObject = InstanceType<(typeof zod)["ZodObject"]>;
  /** What a schema found to be wrong. */
  export type ZodError = InstanceType<(typeof zod)["ZodError"]>;
  /** What a schema takes. */
  export type input<Schema extends ZodType> = Schema["_zod"]["input"];
  /** What a schema gives, its defaults filled in. */
  export type output<Schema extends ZodType> = Schema["_zod"]["output"];
  /** As {@linkcode output}. */
  export type infer<Schema extends ZodType> = Schema["_zod"]["output"];
}
