/**
 * Evaluates a pipeline in TypeScript and prints its value as JSON. The launcher runs this program
 * with the permission to read the pipeline's project. It does not trust the output, because the
 * pipeline's code can print anything.
 *
 * @module
 */

import { programArguments } from "../program_arguments.ts";
import { restrictThread } from "../../base/machine/restrict_thread.ts";
import { readModule } from "../../pipeline/document/document.ts";
import { UserError } from "../../base/errors.ts";
import { type Node, valueOf } from "../../pipeline/document/nodes.ts";
import type { Evaluated } from "../ask_needs.ts";

const [file, path] = programArguments as [string, string];
const write = Deno.stdout.writeSync.bind(Deno.stdout);
restrictThread();
const answer = await evaluated();
const bytes = new TextEncoder().encode(`\n${JSON.stringify(answer)}\n`);
for (let from = 0; from < bytes.length;) from += write(bytes.subarray(from));
Deno.exit(0);

async function evaluated(): Promise<Evaluated> {
  try {
    return { value: valueOf(withoutStages(await readModule(file, path, undefined, {}))) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problems: error.problems };
  }
}

/**
 * Replaces stage objects, which are code and cannot be written as JSON. The options beside `use: null`
 * are not those of a built-in stage, so each of them may name files and hosts.
 */
function withoutStages(node: Node): Node {
  switch (node.kind) {
    case "map": {
      const entries = [...node.entries].map(([key, { value, ...entry }]) =>
        [key, { ...entry, value: withoutStages(value) }] as const
      );
      return { ...node, entries: new Map(entries) };
    }
    case "list":
      return { ...node, items: node.items.map(withoutStages) };
    default:
      return ["string", "number", "boolean"].includes(typeof node.value) || node.value === null
        ? node
        : { ...node, value: null };
  }
}
