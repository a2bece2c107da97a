import {
  Bool,
  Field,
  Float32,
  Int32,
  List,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { dirname, join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import type { Random } from "../../src/base/random.ts";
import { root } from "../support/command_line.ts";
import { mutate, mutateTokens } from "./mutate.ts";
import { mutateTree, type Tree } from "./trees.ts";

/** A good pipeline, to be changed. */
interface Base {
  readonly text: string;
  readonly tree: Tree;
}

/** Good pipelines, and trees that parts of others are taken from. */
export interface Pipelines {
  readonly bases: readonly Base[];
  readonly donors: readonly Tree[];
}

/**
 * Reads the pipelines of the repository.
 *
 * @param folder Where the rows of clicks are written.
 */
export function readPipelines(folder: string): Pipelines {
  writeClicks(join(folder, "clicks.arrow"));
  const digits = ["tests/corpus/pipelines/base.yaml", "tests/corpus/pipelines/resnet.yaml"];
  const clicks = ["pipelines/ctr-movielens.yaml", "pipelines/ctr-easyrec.yaml"];
  const own = ["tests/fuzz/bases/labels.yaml", "tests/fuzz/bases/phases.yaml"];
  const bases = [...digits, "pipelines/quickstart.yaml", ...clicks, ...own].map((path) => {
    const data = join(
      resolve(root, dirname(path)),
      path.startsWith("tests") ? "../../../data" : "../data",
    );
    const text = Deno.readTextFileSync(join(root, path))
      .replaceAll(/\S*\/data\/movielens\/\w+\.arrow/g, join(folder, "clicks.arrow"))
      .replaceAll(/(\.\.\/)+data(?=\/)/g, data);
    return { text, tree: parse(text) as Tree };
  });
  const others = [...yamlFiles(join(root, "tests/corpus/pipelines"))].flatMap(treeOf);
  return { bases, donors: [...bases.map(({ tree }) => tree), ...others] };
}

/** A pipeline file. */
export interface PipelineFile {
  /** `p.yaml` or `p.json`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Changes the bytes of a good pipeline at random, its tokens, or its tree, in YAML or JSON. */
export function changedPipeline({ bases, donors }: Pipelines, random: Random): PipelineFile {
  const { text, tree } = bases[random.integer(0, bases.length - 1)]!;
  const encoder = new TextEncoder();
  const name = random.integer(0, 3) === 0 ? "p.json" : "p.yaml";
  const written = (tree: Tree) =>
    name === "p.json"
      ? JSON.stringify(tree, null, 2)
      : stringify(tree, { aliasDuplicateObjects: false });
  const good = name === "p.json" ? written(tree) : text;
  const bytes = [
    () => mutate(encoder.encode(good), random),
    () => encoder.encode(mutateTokens(good, random)),
  ][random.integer(0, 3)] ?? (() => encoder.encode(written(mutateTree(tree, donors, random))));
  return { name, bytes: bytes() };
}

function* yamlFiles(folder: string): Generator<string> {
  const entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = join(folder, name);
    if (isDirectory) yield* yamlFiles(path);
    else if (name.endsWith(".yaml")) yield path;
  }
}

/**
 * What a file holds that may be no YAML, or be of any size once aliases stand for what they mean.
 */
function treeOf(path: string): Tree[] {
  try {
    const tree = parse(Deno.readTextFileSync(path), { maxAliasCount: 0, logLevel: "silent" });
    return JSON.stringify(tree).length < 20_000 ? [tree as Tree] : [];
  } catch {
    return [];
  }
}

/** Rows with what the pipelines of clicks read. */
function writeClicks(path: string): void {
  const rows = Array.from({ length: 200 }, (_, row) => row);
  const whole = (most: number) => vectorFromArray(rows.map((row) => row * 7 % most), new Int32());
  const lists = (most: number) =>
    vectorFromArray(
      rows.map((row) => Array.from({ length: row % 4 }, (_, index) => (row + index) % most)),
      new List(new Field("item", new Int32(), true)),
    );
  const table = new Table({
    user: whole(20),
    item: whole(50),
    genres: lists(18),
    history: lists(50),
    gender: whole(2),
    occupation: whole(9),
    age: whole(60),
    year: whole(1999),
    clicked: vectorFromArray(rows.map((row) => row % 3 === 0), new Bool()),
    // Null without a click.
    bought: vectorFromArray(rows.map((row) => row % 3 === 0 ? row % 2 === 0 : null), new Bool()),
    topics: vectorFromArray(
      rows.map((row) => ["art", "music", "sport"].slice(row % 3, row % 4)),
      new List(new Field("item", new Utf8(), true)),
    ),
    teacher: vectorFromArray(
      rows.map((row) => row % 5 === 0 ? null : (row % 9) / 9),
      new Float32(),
    ),
  });
  Deno.writeFileSync(path, tableToIPC(table, "file"));
}
