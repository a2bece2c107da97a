import type { Node, Path } from "../document/nodes.ts";

/** One value of a sweep's grid, and the path in the pipeline where it is set. */
export interface GridPoint {
  /** The path to the value. */
  readonly path: Path;
  /** The path as text in the sweep file. */
  readonly text: string;
  /** The name of the value in the names of runs and tables. */
  readonly label: string;
  /** The value. */
  readonly value: Node;
}

/** One axis of a sweep's grid: all values to try for one option of the pipeline. */
export type Axis = readonly GridPoint[];

/**
 * Returns all combinations with one point of each axis. The last axis changes fastest.
 *
 * @param axes The axes.
 * @returns The combinations; a single empty combination if there are no axes.
 */
export function combinations(axes: readonly Axis[]): GridPoint[][] {
  return axes.reduce<GridPoint[][]>(
    (done, axis) => done.flatMap((points) => axis.map((point) => [...points, point])),
    [[]],
  );
}

/** Characters that no file system, or not each one, allows in the name of a folder. */
const NOT_IN_NAMES = /[\p{C}\u2028\u2029/\\:*?"<>|]/gu;

/** The maximum number of keys of a shortened path. */
const MOST_KEYS = 20;

/**
 * Shortens each path to its last keys. It keeps the smallest number of keys that distinguishes the
 * path from all other paths. Characters that a folder's name cannot contain become `_`.
 *
 * @param paths The paths as text.
 * @returns The short names by path.
 */
export function shortNames(paths: readonly string[]): Map<string, string> {
  const ends = new Map<string, number>();
  const endsOf = (path: string) => {
    const keys = path.split(".");
    const count = Math.min(keys.length, MOST_KEYS);
    return Array.from({ length: count }, (_, at) => keys.slice(keys.length - 1 - at).join("."));
  };
  const all = new Set(paths);
  for (const path of all) {
    for (const end of endsOf(path)) ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  return new Map(
    Array.from(all, (path) => {
      const name = endsOf(path).find((end) => ends.get(end) === 1) ?? path;
      return [path, name.replaceAll(NOT_IN_NAMES, "_")];
    }),
  );
}
