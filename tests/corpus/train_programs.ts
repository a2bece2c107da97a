import { Field, Utf8 } from "apache-arrow";
import { join } from "node:path";
import { encodeSafetensors } from "../../src/base/files/safetensors.ts";
import { UserError } from "../../src/base/errors.ts";
import { createRegistry } from "../../src/pipeline/registry.ts";
import type { ColumnSpec, LabelSpec } from "../../src/stages/batch.ts";
import type { Variable } from "../../src/stages/network.ts";
import { builtins } from "../../plugins/mod.ts";
import { restoreValues } from "../../src/run/state_file.ts";
import { matchAxes } from "../../src/run/initial_meaning.ts";
import { ColumnReader } from "../../src/input/columns.ts";
import { refuseLargeBatches, refuseLargeModelRows } from "../../src/input/sizes.ts";
import { fullDisk } from "../../src/input/spill.ts";
import { type AxisIn, matchAxis, type Meaning, Mismatch } from "../../src/run/model/axes.ts";
import type { ModelFile } from "../../src/run/model/model_file.ts";
import { RowDecoder } from "../../src/run/model/row_decoder.ts";
import {
  refuseBeyondWasm,
  refuseLargeLayers,
  refuseLargeNets,
  refuseLargeOutputs,
} from "../../src/run/sizes.ts";
import { DeclaredVariables } from "../../src/train/variables.ts";
import type { ProgramCase } from "./program_cases.ts";
import { allCode } from "../support/all_code.ts";

const variable = (name: string, shape: readonly number[], table = false): Variable => ({
  name,
  shape,
  owner: "light",
  initializer: { kind: "constant", value: 0 },
  trainable: true,
  table,
});

/** What is larger than the machine that a test says there is. */
function* sizeCases(): Iterable<ProgramCase> {
  const nets = (...variables: Variable[]) => () =>
    refuseLargeNets(
      { variables, moved: variables, optimizer: { name: "sgd", slots: 0 } },
      1e6,
      undefined,
    );
  yield {
    name: "a table that is larger than the memory",
    run: nets(variable("embedding/a", [1e6, 8], true)),
    mended: { "size/table": nets(variable("embedding/a", [1e3, 8], true)) },
  };
  yield {
    name: "a net that is larger than the memory",
    run: nets(variable("light/kernel", [1e3, 1e3])),
    mended: { "size/nets": nets(variable("light/kernel", [1e2, 1e2])) },
  };
  const layer = (units: number) => () => {
    const variables = [variable("light/kernel", [1, units]), variable("light/bias", [units])];
    refuseLargeLayers(variables, 100, 1e6, undefined);
  };
  yield {
    name: "a layer whose units are larger than the memory",
    run: layer(1e4),
    mended: { "size/units": layer(100) },
  };
  const outputs = (width: number) => () =>
    refuseLargeOutputs(
      [
        { name: "light.group1", shape: [32, 32, width] },
        { name: "booster.group1", shape: [32, 32, 4 * width] },
      ],
      128,
      1e8,
      undefined,
    );
  yield {
    name: "outputs of layers that are larger than the memory",
    run: outputs(64),
    mended: { "size/outputs": outputs(16) },
  };
  const wasm = (units: number) => () =>
    refuseBeyondWasm([variable("light/kernel", [units, units])], undefined);
  yield {
    name: "a net that is larger than WebAssembly",
    run: wasm(30_000),
    mended: { "nets/wasm": wasm(3000) },
  };
  const layers = (count: number) => () => {
    const variables = new DeclaredVariables();
    for (let layer = 0; layer < count; layer++) variables.add(variable(`light/${layer}`, [1]));
  };
  yield {
    name: "a net of more layers than any has",
    run: layers(100_001),
    mended: { "size/layers": layers(40) },
  };
  const wide = { image: { shape: [1e3], dtype: "float32" } } as const;
  const batches = (rows: number, size?: number, refuse = refuseLargeBatches) => () =>
    refuse(
      { image: { shape: [1], dtype: "float32" } },
      size === undefined ? [] : [{
        stage: { kind: "transform", name: "pad", place: undefined },
        transform: {
          features: { image: { ...wide.image, shape: [size] } },
          apply: (batch) => batch,
        },
      }],
      rows,
      1e6,
    );
  yield {
    name: "batches that are larger than the memory",
    run: batches(1e6),
    mended: { "size/batch": batches(1) },
  };
  yield {
    name: "batches that a transform makes larger than the memory",
    run: batches(1000, 1000),
    mended: { "size/transform": batches(1000, 10) },
  };
  yield {
    name: "rows for a trained net that are larger than the memory",
    run: batches(1000, 1000, refuseLargeModelRows),
    mended: { "size/rows-at-once": batches(1, 1000, refuseLargeModelRows) },
  };
  yield {
    name: "a row for a trained net that is larger than the memory",
    run: batches(1, 1e6, refuseLargeModelRows),
    mended: { "size/model-row": batches(1, 1000, refuseLargeModelRows) },
  };
}

const label: LabelSpec = { kind: "class", classes: 2, shape: [], dtype: "int32" };

/** A run whose nets get its features as they are read. */
const meaning = (specs: Readonly<Record<string, ColumnSpec>>, of = label): Meaning => ({
  features: Object.entries(specs).map(([name, spec]) => ({ name, spec })),
  inputs: Object.entries(specs).map(([name, spec]) => ({ name, spec, of: [name] })),
  label: of,
});

const number: ColumnSpec = { shape: [], dtype: "float32" };

const ids = (kind: "hash" | "count", count: number): ColumnSpec => ({
  shape: [],
  dtype: "int32",
  ids: { kind, count, name: "word", padded: false },
});

/** What does not match is refused with its hint, as where weights are read. */
function refused(match: () => unknown): void {
  try {
    match();
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw new UserError(error.message, { hint: error.hint });
  }
}

/** Weights whose places stand for something else. */
function* meaningCases(): Iterable<ProgramCase> {
  const matched = (now: AxisIn, before: AxisIn) => () => refused(() => matchAxis(now, before));
  const table = (spec: ColumnSpec): AxisIn => ({
    axis: { ids: "word" },
    size: spec.ids!.count,
    meaning: meaning({ word: spec }),
  });
  yield {
    name: "a table of other hashes",
    run: matched(table(ids("hash", 5)), table(ids("hash", 9))),
    mended: { "initial/ids": matched(table(ids("hash", 9)), table(ids("hash", 9))) },
  };
  yield {
    name: "a table of counted ids where there were hashes",
    run: matched(table(ids("count", 9)), table(ids("hash", 9))),
    mended: { "initial/ids": matched(table(ids("hash", 9)), table(ids("hash", 9))) },
  };
  const binary = (...vocabulary: string[]): AxisIn => ({
    axis: "classes",
    size: 1,
    meaning: meaning({ n: number }, { ...label, kind: "binary", dtype: "float32", vocabulary }),
  });
  yield {
    name: "a logit of the other class",
    run: matched(binary("yes", "no"), binary("no", "yes")),
    mended: { "initial/label": matched(binary("no", "yes"), binary("no", "yes")) },
  };
  const classes = (...vocabulary: string[]): AxisIn => ({
    axis: "classes",
    size: 2,
    meaning: meaning({ n: number }, { ...label, vocabulary }),
  });
  yield {
    name: "classes of none of the names",
    run: matched(classes("left", "right"), classes("no", "yes")),
    mended: { "initial/label": matched(classes("no", "yes"), classes("no", "yes")) },
  };
  const made = (...vocabulary: string[]): AxisIn => ({
    axis: { features: ["made"] },
    size: 2,
    meaning: {
      ...meaning({ word: { ...ids("count", 2), vocabulary } }),
      inputs: [{ name: "made", spec: { shape: [2], dtype: "float32" }, of: ["word"] }],
    },
  });
  yield {
    name: "values of other ids that nothing declares",
    run: matched(made("a", "b"), made("b", "c")),
    mended: { "initial/places": matched(made("b", "c"), made("b", "c")) },
  };
  const undeclared = (before: Meaning) => () =>
    refused(() =>
      matchAxes(variable("light/kernel", [1, 4]), "light/kernel", [1, 4], {
        now: meaning({ n: number }),
        before: { meaning: before, axes: () => undefined },
      })
    );
  yield {
    name: "a variable of other features that declares no axes",
    run: undeclared(meaning({ m: number })),
    mended: { "initial/axes": undeclared(meaning({ n: number })) },
  };
}

/** Columns and runs as they cannot be written in a pipeline file. */
function* readingCases(folder: string): Iterable<ProgramCase> {
  const filled = (fill: string) => () =>
    new ColumnReader(new Field("word", new Utf8(), true), {
      column: "word",
      options: { nulls: { fill } },
      like: {
        spec: { shape: [], dtype: "int32", vocabulary: ["a", "b"] },
        field: new Field("word", new Utf8(), true),
      },
      place: () => undefined,
    });
  yield {
    name: "nulls that become a value that the run had not",
    run: filled("c"),
    mended: { "column/fill-known": filled("a") },
  };
  yield {
    name: "a disk without room for rows",
    run() {
      throw fullDisk(folder, 0);
    },
  };
  const decoder = (count: unknown) => () =>
    RowDecoder.create(
      {
        features: [{
          ...{ name: "a", column: "a", type: { text: "Int32", family: "whole numbers" } },
          spec: { shape: [], dtype: "int32" },
        }],
        transforms: [{ use: "one-hot", options: { count }, on: "all", measured: null }],
        nulls: { fills: {} },
      } as unknown as ModelFile,
      createRegistry(builtins, allCode),
      { kind: "source", name: "rows", place: undefined },
    );
  yield {
    name: "a transform that does not take the options of a run",
    run: decoder("many"),
    mended: { "model/stage": decoder(3) },
  };
  const path = join(folder, "phase.safetensors"), none = join(folder, "no.safetensors");
  const tensors = new Map([["light/kernel", { shape: [2], values: Float32Array.of(1, 2) }]]);
  Deno.writeFileSync(path, encodeSafetensors(tensors, { step: "3" }));
  const restored = (from: string, step: number, shape: number[]) => async () => {
    const values = await restoreValues([variable("light/kernel", shape)], from, step);
    for (const tensor of Object.values(values)) tensor.dispose();
  };
  const right = { "checkpoint/other-file": restored(path, 3, [2]) };
  yield { name: "weights that are not there", run: restored(none, 3, [2]), mended: right };
  yield { name: "weights of another step", run: restored(path, 4, [2]), mended: right };
  yield { name: "weights of another shape", run: restored(path, 3, [3]), mended: right };
}

/**
 * Calls of what trains that are refused.
 *
 * @param folder A folder to work in.
 */
export function* trainPrograms(folder: string): Iterable<ProgramCase> {
  yield* sizeCases();
  yield* meaningCases();
  yield* readingCases(folder);
}
