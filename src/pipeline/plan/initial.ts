import { resolve } from "node:path";
import type { PlannedInitial } from "../plan.ts";
import { netName, type PipelineValue } from "../file_schema.ts";
import type { Planner } from "./planner.ts";

/**
 * Plans which files or runs provide the nets' initial weights, if these are not random.
 *
 * @param planner Provides the document.
 * @param initial The value of `network.initial` in the document.
 */
export function planInitial(
  { document }: Planner,
  initial: PipelineValue["network"]["initial"],
): PlannedInitial[] {
  const from = (path: readonly string[], given: string) =>
    resolve(document.folderOf([...path]), given);
  if (initial && "run" in initial) {
    const path = ["network", "initial"], { checkpoint, names, optimizer } = initial;
    const run = from([...path, "run"], initial.run);
    return [{
      nets: netName.options,
      from: { run, checkpoint },
      names,
      optimizer,
      place: document.place(path),
    }];
  }
  return netName.options.flatMap((net): PlannedInitial[] => {
    const entry = initial?.[net];
    if (!entry) return [];
    const path = ["network", "initial", net];
    return [{
      nets: [net],
      from: "file" in entry
        ? {
          file: from([...path, "file"], entry.file),
          layout: entry.layout,
          vocabularies: Object.fromEntries(
            Object.entries(entry.vocabularies).map(([name, file]) => [
              name,
              from([...path, "vocabularies", name], file),
            ]),
          ),
          features: entry.features,
          classes: entry.classes,
        }
        : { run: from([...path, "run"], entry.run), checkpoint: entry.checkpoint },
      names: entry.names,
      optimizer: false,
      place: document.place(path),
    }];
  });
}

/**
 * Converts the sources of initial weights to plain JSON.
 *
 * @param initial The sources of initial weights.
 */
export function resolvedInitial(initial: readonly PlannedInitial[]): Record<string, unknown> {
  const [first] = initial;
  if (first && first.nets.length > 1) {
    return { ...first.from, names: first.names, optimizer: first.optimizer };
  }
  return Object.fromEntries(
    initial.map(({ nets: [net], from, names }) => [net!, { ...defined(from), names }]),
  );
}

const defined = (object: object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
