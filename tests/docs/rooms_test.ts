import { assert, assertEquals } from "@std/assert";
import { dirname, join, relative } from "node:path";
import { root } from "../support/command_line.ts";

/** A row of the table of rooms: a folder or a file, and the rooms that it may import. */
interface Room {
  readonly path: string;
  readonly imports: readonly string[];
}

const pathsIn = (cell: string) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, path]) => path!);

/** The table of rooms in docs/architecture.md, in its order. */
async function readRooms(): Promise<Room[]> {
  const text = await Deno.readTextFile(join(root, "docs", "architecture.md"));
  const [, table] = /^\| room \| holds \| may import \|\n\|[ -|]*\n((?:\|.*\n)+)/m.exec(text) ?? [];
  assert(table, "docs/architecture.md has no table of rooms");
  return table.trimEnd().split("\n").map((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [path] = pathsIn(cells[1]!);
    assert(path, line);
    return { path, imports: pathsIn(cells.at(-2)!) };
  });
}

/** All TypeScript of the project outside of its tests, by its path from the root. */
function* sources(folder = root): Iterable<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = join(folder, name), own = relative(root, path);
    if (name.startsWith(".") || ["tests", "runs", "coverage", "node_modules"].includes(own)) {
      continue;
    }
    if (isDirectory) yield* sources(path);
    else if (isFile && name.endsWith(".ts")) yield own;
  }
}

/**
 * The project's files that a file imports, statically or not: in its code, not in comments and
 * templates.
 */
function importsOf(path: string): string[] {
  const code = Deno.readTextFileSync(join(root, path))
    .replaceAll(/^\s*(?:\*|\/\*\*|\/\/).*$/gm, "")
    .replaceAll(/`[^`]*`/g, "``");
  const named = code.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g);
  return Array.from(named, ([, imported]) => join(dirname(path), imported!));
}

/** The room of a file: the row with the longest path that it is in. */
function roomOf(path: string, rooms: readonly Room[]): Room | undefined {
  return rooms.filter((room) => path === room.path || path.startsWith(room.path))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}

Deno.test("rooms import only what the table in docs/architecture.md lets them import", async () => {
  const rooms = await readRooms();
  const wrong: string[] = [];
  const used = new Set<string>();
  for (const path of sources()) {
    const room = roomOf(path, rooms);
    if (!room) {
      wrong.push(`${path} is in no room`);
      continue;
    }
    for (const imported of importsOf(path)) {
      const other = roomOf(imported, rooms);
      if (other === room) continue;
      const key = `${room.path} → ${other?.path}`;
      used.add(key);
      if (!other || !room.imports.includes(other.path)) {
        wrong.push(`${key}: ${path} imports ${imported}`);
      }
    }
  }
  assertEquals(wrong, []);
  const unused = rooms.flatMap(({ path, imports }) => imports.map((other) => `${path} → ${other}`))
    .filter((key) => !used.has(key));
  assertEquals(unused, [], "the table lets rooms import what they do not");
});

Deno.test("the table of rooms goes one way: a room imports rooms above it", async () => {
  const rooms = await readRooms();
  assert(rooms.length > 10);
  rooms.forEach(({ path, imports }, index) => {
    const above = rooms.slice(0, index).map(({ path }) => path);
    for (const other of imports) assert(above.includes(other), `${path} imports ${other} below it`);
  });
});
