import { programOf } from "./published.ts";

/** The arguments of a program that the launcher started. */
export const programArguments: readonly string[] = programOf(Deno.args[0]) === undefined
  ? Deno.args
  : Deno.args.slice(1);
