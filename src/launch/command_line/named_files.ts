import type { Path } from "../../pipeline/document/document.ts";
import { isElsewhere } from "../../pipeline/registry.ts";
import type { StageKind } from "../../stages/stage.ts";

/** A file, an address or code that a pipeline names. */
export interface Named {
  /** Whether it is the code of a stage, or a file that is read. */
  readonly what: "stage" | "file";
  /** Of which kind the stage is. */
  readonly kind?: StageKind;
  /** What the pipeline writes. */
  readonly text: string;
  /** Where it stands. */
  readonly path: Path;
}

/**
 * The options of built-in stages that are paths; the stages themselves are not loaded to know what
 * a run may read.
 */
export const pathOptions: Readonly<Record<string, readonly string[]>> = {
  arrow: ["path"],
  csv: ["path"],
  parquet: ["path"],
  sql: ["tables", "database"],
};

/** The options of built-in stages that are stages. */
export const stageOptions: Readonly<Record<string, readonly string[]>> = { "warm-up": ["then"] };

/** What entries of stages have beside the stages' own options. */
export const commonOptions: Readonly<Record<StageKind, readonly string[]>> = {
  source: [],
  transform: ["on"],
  network: ["initial"],
  loss: ["on", "from", "to", "weight", "gradient", "name"],
  gradient: [],
  optimizer: ["learningRate", "schedule", "tables"],
  schedule: [],
  metric: ["name"],
  output: [],
};

/**
 * The files that a pipeline names: the code of stages, the options of stages that are paths, and
 * what nets begin with. Of a stage that is not built in, all texts may be paths. Names, columns,
 * and the schema for editors are none.
 *
 * @param pipeline The pipeline's value, which need not be right.
 */
export function* namedFiles(pipeline: unknown): Iterable<Named> {
  const { data, network, phases } = partsOf(pipeline);
  const { train, test, validation, transforms } = partsOf(data);
  for (const [key, entry] of Object.entries({ train, test, validation })) {
    yield* ofStage("source", entry, ["data", key]);
  }
  yield* ofStages("transform", transforms, ["data", "transforms"]);
  yield* ofStage("network", network, ["network"]);
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
    yield* ofStage("gradient", partsOf(loss).gradient, [...path, "losses", index, "gradient"]);
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
  // A stage of a pipeline in TypeScript may be there as a value, of which nothing is known here.
  const isKnown = typeof use === "string" && !isElsewhere(use);
  const known = isKnown && Object.hasOwn(pathOptions, use) ? pathOptions[use]! : [];
  const nested = isKnown && Object.hasOwn(stageOptions, use) ? stageOptions[use]! : [];
  for (const [key, value] of Object.entries(options)) {
    if (commonOptions[kind].includes(key)) continue;
    if (nested.includes(key)) yield* ofStage("schedule", value, [...path, key]);
    else if (!isKnown || known.includes(key)) yield* textsIn(value, [...path, key]);
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

/** All texts in a value, at any depth; stages among them are taken for what they may be. */
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
