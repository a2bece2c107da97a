import type { Node, Path } from "../document/nodes.ts";

/** One of the values that a grid gives to a path of a pipeline. */
export interface GridPoint {
  /** The path to the value. */
  readonly path: Path;
  /** The path as the file has it. */
  readonly text: string;
  /** What the value is called. */
  readonly label: string;
  /** The value. */
  readonly value: Node;
}

/** A path of a pipeline, and the values that it takes. */
export type Axis = readonly GridPoint[];

/**
 * All combinations of one point of each axis, the last axis changing first.
 *
 * @param axes The axes.
 * @returns The combinations; one that is empty if there are no axes.
 */
export function combinations(axes: readonly Axis[]): GridPoint[][] {
  return axes.reduce<GridPoint[][]>(
    (done, axis) => done.flatMap((points) => axis.map((point) => [...points, point])),
    [[]],
  );
}

/**
 * A short name for each path: its last key, and as many before it as tell it from all others.
 *
 * @param paths The paths as texts.
 * @returns The names by the paths.
 */
export function shortNames(paths: readonly string[]): Map<string, string> {
  const all = [...new Set(paths)];
  return new Map(all.map((path) => {
    const keys = path.split("."), others = all.filter((other) => other !== path);
    for (let count = 1; count < keys.length; count++) {
      const name = keys.slice(-count).join(".");
      if (!others.some((other) => other === name || other.endsWith(`.${name}`))) {
        return [path, name];
      }
    }
    return [path, path];
  }));
}
