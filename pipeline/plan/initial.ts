import { resolve } from "node:path";
import type { PlannedInitial } from "../plan.ts";
import { netName, type PipelineValue } from "../schema.ts";
import type { Planner } from "./planner.ts";

/**
 * What nets begin with instead of random weights.
 *
 * @param planner The document.
 * @param initial How it is written.
 */
export function planInitial(
  { document }: Planner,
  initial: PipelineValue["network"]["initial"],
): PlannedInitial[] {
  return netName.options.flatMap((net): PlannedInitial[] => {
    const entry = initial?.[net];
    if (!entry) return [];
    const path = ["network", "initial", net];
    const at = (key: string, given: string) => resolve(document.folderOf([...path, key]), given);
    return [{
      net,
      from: "file" in entry
        ? { file: at("file", entry.file), layout: entry.layout }
        : { run: at("run", entry.run), checkpoint: entry.checkpoint },
      names: entry.names,
      place: document.place(path),
    }];
  });
}

/**
 * What nets begin with, as plain JSON.
 *
 * @param initial What they begin with.
 */
export function resolvedInitial(initial: readonly PlannedInitial[]): Record<string, unknown> {
  return Object.fromEntries(initial.map(({ net, from, names }) => [net, { ...from, names }]));
}
