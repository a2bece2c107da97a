import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { Data, Field, Schema, Utf8View } from "apache-arrow";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { endedByStage } from "../../src/commands/ending.ts";
import { faultOf } from "../../src/commands/main.ts";
import { endedEarly, needsOf } from "../../src/launch/command_line/needs.ts";
import { convert } from "../../data/convert.ts";
import { readIdx } from "../../data/idx.ts";
import { readMat } from "../../data/mat.ts";
import { type Published, readPublished } from "../../data/original.ts";
import { readTar } from "../../data/tar.ts";
import { unpack } from "../../data/unpack.ts";
import { readZip } from "../../data/zip.ts";
import { appendLine } from "../../src/base/files/append.ts";
import { handedOver, NO_CODE } from "../../src/base/machine/system_file.ts";
import { importCustom } from "../../src/pipeline/module.ts";
import { pathInside, refuseLinksOut } from "../../src/base/files/inside.ts";
import { unwritable } from "../../src/base/files/unwritable.ts";
import { WrittenColumns } from "../../src/base/files/written_columns.ts";
import { recordBatchOf } from "../../src/base/wide_schema.ts";
import { type Problem, UserError } from "../../src/base/errors.ts";
import { CheckpointStore } from "../../src/run/folder/checkpoints.ts";
import type { CheckedSweep } from "../../src/sweep/check.ts";
import { readOutcomes } from "../../src/sweep/results.ts";
import { makeNotUtf8 } from "../support/not_utf8.ts";
import { resultOf } from "../support/results.ts";
import { root } from "../support/command_line.ts";
import { clusterPrograms } from "./cluster_programs.ts";
import { engineCases } from "./engine_cases.ts";
import { modelPrograms } from "./model_programs.ts";
import { sourcePrograms } from "./source_programs.ts";
import { trainPrograms } from "./train_programs.ts";

/**
 * Calls of the project's functions that are to be refused: what a command line cannot bring about
 * in a test.
 */
export interface ProgramCase {
  /** What it proves. */
  readonly name: string;
  /** The call, which throws a `UserError`. */
  readonly run: () => unknown;
  /** The call as a person makes it who has followed a hint, by the hint's id. */
  readonly mended?: Readonly<Record<string, () => unknown>>;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** What the system says of a disk or a folder. */
function* systemCases(): Iterable<ProgramCase> {
  const codes = ["ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "ENOTDIR", "EISDIR", "EIO"];
  for (const code of codes) {
    yield {
      name: `a file that cannot be written: ${code}`,
      run() {
        throw unwritable("a.arrow", { code, message: "" });
      },
    };
  }
}

/** Custom code in a process whose permissions were determined for a command without it. */
function* changedCases(): Iterable<ProgramCase> {
  const load = (code: string | undefined) => () => {
    const before = Deno.env.get(handedOver.code);
    if (code === undefined) Deno.env.delete(handedOver.code);
    else Deno.env.set(handedOver.code, code);
    try {
      return importCustom("./mine.ts", "data:text/javascript,", undefined);
    } finally {
      if (before === undefined) Deno.env.delete(handedOver.code);
      else Deno.env.set(handedOver.code, before);
    }
  };
  yield {
    name: "a file that names custom code since the permissions were determined",
    run: load(NO_CODE),
    mended: { "module/changed": load(undefined) },
  };
}

function* convertCases(folder: string): Iterable<ProgramCase> {
  const from = join(folder, "missing.csv");
  Deno.writeTextFileSync(from, "x,y\n1,a\n-,b\n2.5,c\n3,d\n");
  const warned = (nulls: readonly string[]) => async () => {
    const problems: Problem[] = [];
    const onWarning = (warning: Problem) => void problems.push(warning);
    await convert({ from, to: join(folder, "missing.arrow"), nulls, onWarning });
    if (problems.length > 0) throw new UserError(problems);
  };
  yield {
    name: "a column that is text for one value",
    run: warned([]),
    mended: { "convert/text": warned(["-"]) },
  };
}

function* folderCases(folder: string): Iterable<ProgramCase> {
  const own = join(folder, "own");
  Deno.mkdirSync(own);
  const write = async (path: string) => {
    try {
      await Deno.writeTextFile(path, "");
    } catch (error) {
      throw unwritable(path, error);
    }
  };
  yield {
    name: "a file in a folder that is not there",
    run: () => write(join(folder, "none", "a.txt")),
    mended: {
      "write/folder": async () => {
        await Deno.mkdir(join(folder, "none"));
        await write(join(folder, "none", "a.txt"));
      },
    },
  };
  yield {
    name: "a name that leads out of the run folder",
    run: () => pathInside(own, "../elsewhere"),
    mended: { "inside/name": () => pathInside(own, "elsewhere") },
  };
  const views = (rows: number) => {
    const bytes = new Uint8Array(2 ** 20),
      value = Uint8Array.of(0, 0, 0x10, 0, ...Array(12).fill(0));
    const values = Uint8Array.from({ length: rows * 16 }, (_, at) => value[at % 16]!);
    const type = new Utf8View();
    const data = new Data(type, 0, rows, 0, [undefined, values], [], undefined, [bytes]);
    const schema = new Schema([new Field("text", type)]);
    return new WrittenColumns(schema).take(recordBatchOf(schema, [data], rows));
  };
  yield {
    name: "views whose values are too large for a file",
    run: () => views(2048),
    mended: { "arrow/views": () => views(2) },
  };
  const linked = join(own, "lines.jsonl");
  yield {
    name: "a line for a file that is a hard link",
    run: async () => {
      await Deno.writeTextFile(join(own, "other.jsonl"), "");
      await Deno.link(join(own, "other.jsonl"), linked);
      await appendLine(linked, "{}");
    },
    mended: {
      "append/link": async () => {
        await Deno.remove(linked);
        await appendLine(linked, "{}");
      },
    },
  };
  const pipeline = join(own, "p.ts");
  Deno.writeTextFileSync(pipeline, "");
  yield {
    name: "a pipeline in TypeScript that ends by itself",
    run() {
      throw endedEarly(pipeline);
    },
    mended: {
      "pipeline/ended": () =>
        needsOf(["check", pipeline], own, () => Promise.resolve({ default: {} })),
    },
  };
  yield {
    name: "a stage that ends the process",
    run() {
      throw new UserError([endedByStage()]);
    },
    // A stage that does not is any stage.
    mended: { "end/stage": () => {} },
  };
  if (Deno.build.os === "windows") return;
  Deno.symlinkSync(folder, join(own, "link"));
  yield {
    name: "a link that leads out of the run folder",
    run: () => refuseLinksOut(own),
    mended: {
      "inside/link": async () => {
        await Deno.remove(join(own, "link"));
        await refuseLinksOut(own);
      },
    },
  };
  if (Deno.build.os === "linux") {
    const odd = join(own, "odd");
    yield {
      name: "a name that is not UTF-8 in the run folder",
      async run() {
        await Deno.mkdir(odd);
        await makeNotUtf8(odd);
        await refuseLinksOut(odd);
      },
      mended: {
        "inside/utf8": async () => {
          await Deno.remove(odd, { recursive: true });
          await Deno.mkdir(odd);
          await refuseLinksOut(odd);
          await Deno.remove(odd);
        },
      },
    };
  }
  const pipe = join(own, "metrics.jsonl");
  yield {
    name: "a pipe in the run folder",
    run() {
      new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
      return refuseLinksOut(own);
    },
    mended: {
      "inside/regular": async () => {
        await Deno.remove(pipe);
        await refuseLinksOut(own);
      },
    },
  };
}

/** Weights from which the next phase of a run would start, and which are damaged. */
function* checkpointCases(folder: string): Iterable<ProgramCase> {
  const intact = (run: string, text: string) => async () => {
    const checkpoints = join(folder, run, "checkpoints");
    await Deno.mkdir(checkpoints, { recursive: true });
    await Deno.writeTextFile(join(checkpoints, "best-one.safetensors"), text);
    const sha256 = createHash("sha256").update("weights").digest("hex");
    const json = JSON.stringify({ sha256, bytes: 7, of: "rocket-000001.safetensors" });
    await Deno.writeTextFile(join(checkpoints, "best-one.json"), json);
    await new CheckpointStore(join(folder, run)).intact("best-one");
  };
  yield {
    name: "damaged weights of a phase",
    run: intact("damaged", "weighty"),
    mended: { "checkpoint/best": intact("new", "weights") },
  };
}

/** What the process lacks, and a fault that is nobody's mistake. */
function* faultCases(): Iterable<ProgramCase> {
  const errors = [
    new Deno.errors.NotCapable(
      'Requires read access to "a.csv", run again with the --allow-read flag',
    ),
    new Deno.errors.PermissionDenied("Permission denied (os error 13): readdir 'run/checkpoints'"),
    new RangeError("Array buffer allocation failed"),
    new Error("not so"),
  ];
  for (const error of errors) {
    yield {
      name: `an error that is no person's mistake: ${error.message}`,
      run() {
        const { exitCode, ...problem } = faultOf(error);
        throw new UserError([problem], { exitCode });
      },
    };
  }
}

/** A run of a sweep that has finished, and whose metrics are damaged. */
function* sweepCases(folder: string): Iterable<ProgramCase> {
  const run = join(folder, "basic");
  Deno.mkdirSync(run);
  Deno.writeTextFileSync(join(run, "result.json"), JSON.stringify(resultOf()));
  Deno.writeTextFileSync(join(run, "metrics.jsonl"), '{ "epoch": 1');
  const runs = [{ setting: "basic", seed: 1, folder: run }];
  const read = () => readOutcomes({ runs, split: "validation" } as unknown as CheckedSweep);
  yield {
    name: "a finished run without its metrics",
    run: read,
    mended: {
      "sweep/results": async () => {
        await Deno.remove(run, { recursive: true });
        await read();
      },
    },
  };
}

/** A file as somebody publishes it. */
function published(content: string, url = "http://127.0.0.1:9/a.bin"): Published {
  const value = createHash("sha256").update(content).digest("hex");
  return { name: "a.bin", url, bytes: content.length, hash: { algorithm: "sha256", value } };
}

/**
 * Files of data sets that are others, or damaged, as where they come from cannot be reached in a
 * test.
 */
function* dataSetCases(folder: string): Iterable<ProgramCase> {
  const from = join(folder, "from"), other = join(folder, "other");
  for (const [at, content] of [[from, "good"], [other, "much more than that"]] as const) {
    Deno.mkdirSync(at);
    Deno.writeTextFileSync(join(at, "a.bin"), content);
  }
  const good = published("good"), silent = () => {};
  const named = () => readPublished(good, from, silent);
  yield {
    name: "a file that no server gives",
    run: () => readPublished(good, undefined, silent),
    mended: { "data/fetch": named },
  };
  yield {
    name: "a folder without the file",
    run: () => readPublished(good, folder, silent),
    mended: { "data/from": named },
  };
  yield {
    name: "a file that is larger than the published one",
    run: () => readPublished(good, other, silent),
    mended: { "data/large": named },
  };
  const most = 1000, packed = new Uint8Array(gzipSync("x".repeat(100)));
  const unpacked = () => unpack(packed, "gzip", "a.gz", most);
  yield {
    name: "a file that unpacks to more than the published one",
    run: () => unpack(packed, "gzip", "a.gz", 10),
    mended: { "unpack/large": unpacked },
  };
  yield {
    name: "a packed file that is cut off",
    run: () => unpack(packed.slice(0, 20), "gzip", "a.gz", most),
    mended: { "unpack/damaged": unpacked },
  };
  const idx = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 5, 6);
  const wholeIdx = () => readIdx(idx, "a.idx", most);
  yield {
    name: "a file that is no IDX file",
    run: () => readIdx(bytes("x,y\n1,2\n"), "a.idx", most),
    mended: { "idx/start": wholeIdx },
  };
  yield {
    name: "an IDX file that is cut off",
    run: () => readIdx(idx.slice(0, 9), "a.idx", most),
    mended: { "idx/damaged": wholeIdx },
  };
  const mat = Deno.readFileSync(join(root, "tests/reference/svhn_32x32.mat"));
  const wholeMat = () => readMat(mat, "a.mat", 1e5);
  yield {
    name: "a file that is no MAT-file",
    run: () => readMat(bytes("x,y\n1,2\n"), "a.mat", most),
    mended: { "mat/start": wholeMat },
  };
  yield {
    name: "a MAT-file that is cut off",
    run: () => readMat(mat.slice(0, 300), "a.mat", 1e5),
    mended: { "mat/end": wholeMat },
  };
  yield {
    name: "a MAT-file of fewer values than its shape says",
    run: () => readMat(doubles(7), "a.mat", most),
    mended: { "mat/values": () => readMat(doubles(1), "a.mat", most) },
  };
  const tar = new Uint8Array(2048);
  tar.set(bytes("a.txt"));
  tar.set(bytes("00000000003\0"), 124);
  tar.set(bytes("0"), 156);
  tar.fill(32, 148, 156);
  const sum = tar.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  tar.set(bytes(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  const wholeTar = () => readTar(tar, "a.tar");
  yield {
    name: "a file that is no tar archive",
    run: () => readTar(new Uint8Array(1024).fill(60), "a.tar"),
    mended: { "tar/header": wholeTar },
  };
  yield {
    name: "a tar archive that is cut off",
    run: () => readTar(tar.slice(0, 512), "a.tar"),
    mended: { "tar/end": wholeTar },
  };
  const zip = async () => {
    const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
    await writer.add("a", new Uint8ArrayReader(bytes("x".repeat(100))));
    return await writer.close() as Uint8Array<ArrayBuffer>;
  };
  const wholeZip = async () => await readZip(await zip(), "a.zip", ["a"], most);
  yield {
    name: "a zip archive that is cut off",
    run: async () => await readZip((await zip()).slice(0, 40), "a.zip", ["a"], most),
    mended: { "zip/damaged": wholeZip },
  };
  yield {
    name: "a zip archive whose file is larger than the published one",
    run: async () => await readZip(await zip(), "a.zip", ["a"], 10),
    mended: { "zip/other": wholeZip },
  };
}

/** An unpacked MAT-file of one variable: two doubles, of a shape that is right with 1 row. */
function doubles(rows: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(208), view = new DataView(result.buffer);
  result.set(bytes("MATLAB 5.0"));
  result.set(bytes("IM"), 126);
  const words = [14, 72, 6, 8, 6, 0, 5, 8, rows, 2, 1 | 1 << 16, 97, 9, 16];
  words.forEach((word, index) => view.setUint32(128 + 4 * index, word, true));
  return result;
}

/**
 * The cases.
 *
 * @param folder A folder to work in.
 */
export function* programCases(folder: string): Iterable<ProgramCase> {
  yield* faultCases();
  yield* checkpointCases(folder);
  yield* systemCases();
  yield* changedCases();
  yield* convertCases(folder);
  yield* folderCases(folder);
  yield* sweepCases(folder);
  yield* dataSetCases(folder);
  yield* sourcePrograms(folder);
  yield* engineCases(folder);
  yield* trainPrograms(folder);
  yield* clusterPrograms();
  yield* modelPrograms(folder);
}
