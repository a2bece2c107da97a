import type { Path } from "../../pipeline/document/document.ts";
import { asPair } from "../../pipeline/pair.ts";
import { isElsewhere } from "../../pipeline/registry.ts";
import type { StageKind } from "../../stages/stage.ts";

/** A text in a pipeline that names code, a file, or an address. */
export interface Named {
  /**
   * Whether the text names the code of a stage, a file to read, or a teacher: the folder of a run, or
   * an ONNX file.
   */
  readonly what: "stage" | "file" | "run" | "onnx";
  /** The kind of the stage that the text belongs to; absent if unknown. */
  readonly kind?: StageKind;
  /** The text as written in the pipeline. */
  readonly text: string;
  /** The path of the text within the pipeline. */
  readonly path: Path;
  /** Whether the text is a path, as an option of a built-in stage; otherwise it may be one. */
  readonly isPath?: boolean;
}

/**
 * The options of built-in stages that are paths, by stage. They are listed here because the
 * permissions of a run are determined without loading its stages.
 */
export const pathOptions: Readonly<Record<string, readonly string[]>> = {
  arrow: ["path"],
  csv: ["path"],
  images: ["path"],
  parquet: ["path"],
  sql: ["tables", "database"],
};

/**
 * The options of built-in stages whose values are entries of other stages, by the name of the
 * built-in stage. For example, the option `then` of the schedule `warm-up` contains another
 * schedule.
 */
export const stageOptions: Readonly<Record<string, Readonly<Record<string, StageKind>>>> = {
  delay: { then: "schedule" },
  pair: { light: "network", booster: "network" },
  "warm-up": { then: "schedule" },
};

/** The options of a pipeline entry that belong to the pipeline and not to the stage, by kind. */
export const commonOptions: Readonly<Record<StageKind, readonly string[]>> = {
  source: [],
  transform: ["on"],
  network: ["auxiliary", "initial", "outputBias"],
  loss: [
    ...["label", "on", "from", "to", "teacher", "teacherScale", "weight", "schedule", "gradient"],
    "name",
  ],
  gradient: [],
  optimizer: ["learningRate", "schedule", "tables", "embeddingL2"],
  schedule: [],
  metric: ["label", "name", "by"],
  output: [],
};

/**
 * Lists the texts of a pipeline that may name files: the code of stages, options that are paths,
 * and the sources of initial weights. All texts in the options of a custom stage are included,
 * because each may be a path. Names of columns and the schema for editors are left out.
 *
 * @param pipeline The pipeline's value, which may be invalid.
 */
export function* namedFiles(pipeline: unknown): Iterable<Named> {
  const { data, network, phases } = partsOf(pipeline);
  const { all, train, test, validation, transforms } = partsOf(data);
  for (const [key, entry] of Object.entries({ all, train, test, validation })) {
    yield* ofStage("source", entry, ["data", key]);
  }
  yield* ofStages("transform", transforms, ["data", "transforms"]);
  yield* ofStage("network", asPair(network), ["network"]);
  yield* ofInitial(partsOf(network).initial, ["network", "initial"]);
  yield* ofTraining(pipeline, []);
  if (Array.isArray(phases)) {
    for (const [index, phase] of phases.entries()) yield* ofTraining(phase, ["phases", index]);
  }
  const { metrics, outputs } = partsOf(pipeline);
  yield* ofStages("metric", metrics, ["metrics"]);
  yield* ofStages("output", outputs, ["outputs"]);
}

function* ofTraining(value: unknown, path: Path): Iterable<Named> {
  const { losses, optimizer } = partsOf(value);
  yield* ofStages("loss", losses, [...path, "losses"]);
  for (const [index, loss] of Array.isArray(losses) ? losses.entries() : []) {
    const { gradient, schedule } = partsOf(loss);
    yield* ofStage("gradient", gradient, [...path, "losses", index, "gradient"]);
    yield* ofStage("schedule", schedule, [...path, "losses", index, "schedule"]);
    const teacher = partsOf(partsOf(loss).teacher);
    for (const what of ["run", "onnx"] as const) {
      const text = teacher[what];
      if (typeof text !== "string") continue;
      yield { what, text, path: [...path, "losses", index, "teacher", what] };
    }
    yield* ofStage("source", teacher.rows, [...path, "losses", index, "teacher", "rows"]);
  }
  yield* ofStage("optimizer", optimizer, [...path, "optimizer"]);
  const { schedule } = partsOf(optimizer);
  yield* ofStage("schedule", schedule, [...path, "optimizer", "schedule"]);
}

function* ofStages(kind: StageKind, list: unknown, path: Path): Iterable<Named> {
  if (!Array.isArray(list)) return;
  for (const [index, entry] of list.entries()) yield* ofStage(kind, entry, [...path, index]);
}

function* ofStage(kind: StageKind, entry: unknown, path: Path): Iterable<Named> {
  if (typeof entry === "string") yield { what: "stage", kind, text: entry, path };
  const { use, ...options } = partsOf(entry);
  if (typeof use === "string") yield { what: "stage", kind, text: use, path: [...path, "use"] };
  // A pipeline in TypeScript may contain a stage as a value, whose options are not known here.
  const isKnown = typeof use === "string" && !isElsewhere(use);
  const known = isKnown && Object.hasOwn(pathOptions, use) ? pathOptions[use]! : [];
  const nested = isKnown && Object.hasOwn(stageOptions, use) ? stageOptions[use]! : {};
  for (const [key, value] of Object.entries(options)) {
    if (commonOptions[kind].includes(key)) continue;
    if (nested[key] === "network") yield* ofStage("network", asPair(value), [...path, key]);
    else if (Object.hasOwn(nested, key)) yield* ofStage(nested[key]!, value, [...path, key]);
    else if (!isKnown) yield* textsIn(value, [...path, key]);
    else if (known.includes(key)) {
      for (const named of textsIn(value, [...path, key])) yield { ...named, isPath: true };
    }
  }
}

function* ofInitial(initial: unknown, path: Path): Iterable<Named> {
  const { light, booster } = partsOf(initial);
  for (const [part, at] of [[initial], [light, "light"], [booster, "booster"]] as const) {
    const inner = at === undefined ? path : [...path, at];
    for (const key of ["run", "file", "vocabularies"]) {
      yield* textsIn(partsOf(part)[key], [...inner, key]);
    }
  }
}

/**
 * Yields all texts in a value, at any depth. The value of a key `use` may be the code of a stage.
 */
function* textsIn(value: unknown, path: Path): Iterable<Named> {
  if (typeof value === "string") yield { what: "file", text: value, path };
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* textsIn(item, [...path, index]);
  } else {
    for (const [key, item] of Object.entries(partsOf(value))) {
      const inner = [...path, key];
      if (key === "use" && typeof item === "string") {
        yield { what: "stage", text: item, path: inner };
      } else yield* textsIn(item, inner);
    }
  }
}

const partsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
