import { inOneLine } from "../../base/printable.ts";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { Precision } from "./precision.ts";
import { type Mode, nativeBackend, NotCapturable, record, type RecordedGraph } from "./recorder.ts";
import {
  firstDifference,
  sameByChance,
  type TraceEntry,
  TrialTraces,
  Unforeseen,
} from "./trace.ts";
import { leaves, type Tree, withLeaves } from "./tree.ts";

/** What became of a function that was to be captured. */
export interface CaptureReport {
  /** Whether it is replayed as a graph. */
  readonly captured: boolean;
  /** Why not. */
  readonly reason?: string | undefined;
  /** Whose fault that is, in words. */
  readonly origin?: string | undefined;
  /** What the graph is like. */
  readonly graph?: GraphReport;
}

/** What a captured graph is like. */
export interface GraphReport {
  /** Its nodes. */
  readonly nodes: number;
  /** How many of them change a type, to bfloat16 or back. */
  readonly casts: number;
  /** The bytes of constants that are written out in it. */
  readonly constantBytes: number;
  /** The numbers of rows that the function was traced with; none if it ran as it is. */
  readonly tracedRows: readonly number[];
  /** Why it was not traced, though rows are known. */
  readonly untraced?: string | undefined;
  /** How long the recording took. */
  readonly recordSeconds: number;
  /** How long TensorFlow took to load the graph. */
  readonly loadSeconds: number;
}

/**
 * How to capture.
 *
 * @typeParam Input The form of the function's inputs.
 */
export interface CaptureOptions<Input> {
  /** Told what became of each signature; of failures with one cause, once. */
  readonly report?: ((report: CaptureReport) => void) | undefined;
  /** Says who is computing at the moment, in words. */
  readonly origin?: (() => string | undefined) | undefined;
  /** What graphs compute maps in; what runs op by op is in float32. */
  readonly precision?: Precision | undefined;
  /**
   * The inputs whose first axis is the rows of a batch. With it the function is recorded with few
   * rows, which takes little memory, and replayed from the first call on.
   */
  readonly rows?: ((input: Input) => readonly tf.Tensor[]) | undefined;
  /** Changes graphs before they are loaded; they have to go on computing the same. */
  readonly rewrite?: ((recorded: RecordedGraph) => RecordedGraph) | undefined;
}

/** Where a signature is on its way to being replayed. */
type Phase<Output> =
  | {
    readonly kind: "recorded";
    readonly traces: readonly (readonly TraceEntry[])[];
    readonly why?: string | undefined;
  }
  | { readonly kind: "captured"; readonly session: Session; readonly form: Output }
  | { readonly kind: "eager" };

/**
 * The numbers of rows of the trial traces, and how many more rows results have whose size follows
 * from values: those sizes are on no line.
 */
const trials = [
  { rows: 2, more: 1009 },
  { rows: 3, more: 1511 },
  { rows: 5, more: 1013 },
] as const;

/** So few rows are traced as they are. */
const FEW_ROWS = 16;

/** After so many recordings whose sizes are the same by chance, one gives up. */
const MAX_RECORDINGS = 8;

/** What unknown sizes are taken for in two dry runs: nobody has so many rows or channels. */
const unknownSizes = [1_000_003, 2_000_003] as const;

/**
 * A function of tensors as a TensorFlow graph, once for each signature of its inputs, their shapes
 * and types. Where it is known which inputs have the rows of a batch, the function is traced with a
 * few of them, and its calls at the batch's true size are recorded without computing anything.
 * Where those do not follow from the number of rows, or the rows are few anyway, it is traced with
 * all of them. Either way the first call is the graph's, so that numbers do not depend on which
 * call is the first. Else it runs as usual the first time, is compared with itself the second time,
 * and is a graph from then on. A function that is not the same in two recordings, or that reads
 * values, goes on running as usual, and so does every function on other engines than the native
 * one.
 *
 * @typeParam Input The form of its inputs, a {@linkcode Tree} that is the same in all calls.
 * @typeParam Output The form of its results, a {@linkcode Tree}.
 */
export class CapturedFunction<Input extends object, Output extends object> {
  readonly #run: (input: Input) => Output;
  readonly #options: CaptureOptions<Input>;
  readonly #phases = new Map<string, Phase<Output>>();
  readonly #trialTraces = new Map<string, TrialTraces>();
  readonly #reasons = new Set<string>();

  /**
   * Wraps a function.
   *
   * @param run A pure function of tensors; it neither changes its inputs nor disposes of them.
   * @param options Who is told what became of it, and which inputs have rows.
   */
  constructor(run: (input: Input) => Output, options: CaptureOptions<Input> = {}) {
    this.#run = run;
    this.#options = options;
  }

  /**
   * Calls the function, or replays it.
   *
   * @param input Its inputs.
   * @returns Its results; the caller disposes of them.
   */
  call(input: Input): Output {
    if (tf.getBackend() !== "tensorflow") return this.#eager(input);
    const tensors = leaves(input as Tree);
    const signature = signatureOf(tensors, new Set());
    let phase = this.#phases.get(signature);
    if (!phase) {
      this.#traceTrial(input, tensors, signature);
      phase = this.#phases.get(signature);
    }
    if (phase?.kind === "captured") return this.#replay(phase, input, tensors, signature);
    if (phase?.kind === "eager") return this.#eager(input);
    return this.#record(input, tensors, signature, phase);
  }

  /** Frees the graphs. */
  dispose(): void {
    for (const phase of this.#phases.values()) {
      if (phase.kind === "captured") phase.session.dispose();
    }
    this.#phases.clear();
    this.#trialTraces.clear();
  }

  #eager(input: Input): Output {
    return tf.tidy(() => this.#run(input) as Output & tf.TensorContainer);
  }

  #replay(
    { session, form }: Phase<Output> & { kind: "captured" },
    input: Input,
    tensors: readonly tf.Tensor[],
    signature: string,
  ): Output {
    let results: tf.Tensor[];
    try {
      results = session.run(tensors);
    } catch (error) {
      // Op by op it fails as well, and it is known which stage it was; or it is the graph's fault.
      const output = this.#eager(input);
      session.dispose();
      this.#giveUp(signature, `its graph fails: ${inOneLine((error as Error).message)}`);
      return output;
    }
    return withLeaves(form as Tree, results) as Output;
  }

  /** Captures the function before its first call, if that can be done. */
  #traceTrial(input: Input, tensors: readonly tf.Tensor[], signature: string): void {
    const { rows: rowsOf } = this.#options;
    if (!rowsOf) return;
    const batched = new Set(rowsOf(input));
    const rows = [...batched][0]?.shape[0] ?? 0;
    let why: string | undefined;
    for (const few of rows < FEW_ROWS ? [false] : [true, false]) {
      const started = performance.now();
      try {
        const made = few
          ? this.#recordingOfFew(input, tensors, batched, rows)
          : this.#recordingOfAll(input, tensors);
        this.#load(made.recorded, signature, made.output, {
          recordSeconds: secondsSince(started),
          tracedRows: few ? trials.map(({ rows }) => rows) : [],
          untraced: why,
        });
        return;
      } catch (error) {
        const reason = notCapturable(error);
        if (reason) return this.#giveUp(signature, reason.message, reason.origin);
        // Run as it is, it says the true number of rows where it fails, and may well not.
        why ??= error instanceof Error ? error.message : String(error);
        // What another trial trace left would be there in the first call, and not be seen to come.
        if (why === KEEPS) break;
      }
    }
    this.#phases.set(signature, { kind: "recorded", traces: [], why });
  }

  /** A recording at the true size that computes nothing: few rows were enough to foresee it. */
  #recordingOfFew(
    input: Input,
    tensors: readonly tf.Tensor[],
    batched: ReadonlySet<tf.Tensor>,
    rows: number,
  ): { recorded: RecordedGraph; output: Output } {
    const traces = this.#trialTracesOf(input, tensors, batched);
    return sameTwice(
      unknownSizes.map((unknown) =>
        this.#recording(input, tensors, { kind: "dry", traces, rows, unknown })
      ),
    );
  }

  /**
   * A recording of all rows, of which nothing remains. A graph rounds otherwise than ops one by
   * one, and whether a step is the first of a process should not be seen in its numbers.
   */
  #recordingOfAll(
    input: Input,
    tensors: readonly tf.Tensor[],
  ): { recorded: RecordedGraph; output: Output } {
    const made = trials.slice(0, 2).map(({ more }) =>
      this.#recording(input, tensors, { kind: "trial", more })
    );
    if (made.some(({ kept }) => kept > 0)) throw new Unforeseen(KEEPS);
    return sameTwice(made);
  }

  #trialTracesOf(
    input: Input,
    tensors: readonly tf.Tensor[],
    batched: ReadonlySet<tf.Tensor>,
  ): TrialTraces {
    const family = signatureOf(tensors, batched);
    let traces = this.#trialTraces.get(family);
    if (traces) return traces;
    traces = new TrialTraces(trials.map(({ rows, more }) => {
      const few = tensors.map((tensor) => batched.has(tensor) ? tf.slice(tensor, 0, rows) : tensor);
      try {
        const small = withLeaves(input as Tree, few) as Input;
        const { recorded, kept } = this.#recording(small, few, { kind: "trial", more });
        // What is kept of a dry run would have no values.
        if (kept > 0 && rows > trials[0].rows) throw new Unforeseen(KEEPS);
        return { rows, trace: recorded.trace };
      } finally {
        tf.dispose(few.filter((tensor) => !tensors.includes(tensor)));
      }
    }));
    this.#trialTraces.set(family, traces);
    return traces;
  }

  /** A recording whose results nobody wants, and how many tensors it kept nevertheless. */
  #recording(
    input: Input,
    tensors: readonly tf.Tensor[],
    mode: Mode,
  ): { recorded: RecordedGraph; output: Output; kept: number } {
    const before = tf.memory().numDataBuffers;
    let output!: Output;
    const run = () => leaves((output = this.#run(input)) as Tree);
    let recorded!: RecordedGraph;
    tf.tidy(() => {
      const made = record(run, tensors, { ...this.#options, mode });
      recorded = made.recorded;
      // What is kept from tidy() is in the results, too.
      const given = new Set(tensors);
      tf.dispose(made.results.filter((result) => !given.has(result)));
    });
    const kept = tf.memory().numDataBuffers - before;
    return { recorded, output, kept };
  }

  /** Runs the function as it is, and records it. */
  #record(
    input: Input,
    tensors: readonly tf.Tensor[],
    signature: string,
    earlier: (Phase<Output> & { kind: "recorded" }) | undefined,
  ): Output {
    let output!: Output;
    let recorded!: RecordedGraph;
    const started = performance.now();
    try {
      tf.tidy(() => {
        const run = () => leaves((output = this.#run(input)) as Tree);
        const made = record(run, tensors, this.#options);
        recorded = made.recorded;
        return made.results;
      });
    } catch (error) {
      const reason = notCapturable(error);
      if (!reason) throw error;
      this.#giveUp(signature, reason.message, reason.origin);
      return this.#eager(input);
    }
    const { trace } = recorded, { traces = [], why } = earlier ?? {};
    const different = traces[0] && firstDifference(traces[0], trace);
    const all = [...traces, trace];
    if (different) {
      this.#giveUp(signature, NOT_THE_SAME, different.origin);
    } else if (all.length > 1 && !sameByChance(all)) {
      const recordSeconds = secondsSince(started);
      this.#load(recorded, signature, output, {
        recordSeconds,
        tracedRows: [],
        untraced: why,
      });
    } else if (all.length < MAX_RECORDINGS) {
      this.#phases.set(signature, { kind: "recorded", traces: all, why });
    } else {
      this.#giveUp(signature, "it cannot be told which of its sizes follow from values");
    }
    return output;
  }

  #load(
    original: RecordedGraph,
    signature: string,
    output: Output,
    how: Pick<GraphReport, "recordSeconds" | "tracedRows" | "untraced">,
  ): void {
    const started = performance.now();
    const recorded = this.#options.rewrite?.(original) ?? original;
    let session: Session;
    try {
      session = new Session(recorded);
    } catch (error) {
      return this.#giveUp(
        signature,
        `TensorFlow refuses the graph: ${inOneLine((error as Error).message)}`,
      );
    }
    const { nodes, casts, constantBytes } = recorded.graph;
    this.#phases.set(signature, { kind: "captured", session, form: output });
    this.#options.report?.({
      captured: true,
      graph: { nodes, casts, constantBytes, ...how, loadSeconds: secondsSince(started) },
    });
  }

  #giveUp(signature: string, reason: string, origin?: string): void {
    this.#phases.set(signature, { kind: "eager" });
    // The last batch of an epoch has a signature of its own, and the same to say.
    const told = `${origin} ${reason}`;
    if (this.#reasons.has(told)) return;
    this.#reasons.add(told);
    this.#options.report?.({ captured: false, reason, origin });
  }
}

const NOT_THE_SAME = "it is not the same from step to step: it draws random numbers or keeps count";

/** Types and shapes, without the number of rows where tensors are of a batch. */
function signatureOf(tensors: readonly tf.Tensor[], batched: ReadonlySet<tf.Tensor>): string {
  return tensors.map((tensor) => {
    const [first, ...rest] = tensor.shape;
    const shape = batched.has(tensor)
      ? ["rows", ...rest]
      : tensor.rank === 0
      ? []
      : [first, ...rest];
    return `${tensor.dtype}[${shape}]`;
  }).join(" ");
}

const secondsSince = (start: number) => (performance.now() - start) / 1000;

const KEEPS = "it keeps tensors";

/** The second of two recordings, which have to be alike. */
function sameTwice<T extends { recorded: RecordedGraph }>([first, second]: readonly T[]): T {
  if (firstDifference(first!.recorded.trace, second!.recorded.trace)) {
    throw new Unforeseen(NOT_THE_SAME);
  }
  return second!;
}

/**
 * Why a function cannot be captured, even where what it called has wrapped that in its own error.
 */
function notCapturable(error: unknown): NotCapturable | undefined {
  if (error instanceof NotCapturable) return error;
  return error instanceof Error && error.cause ? notCapturable(error.cause) : undefined;
}

/** A graph that TensorFlow has loaded. */
class Session {
  readonly #session: number;
  readonly #feeds: string;
  readonly #outputs: RecordedGraph["outputs"];
  readonly #fetches: string;

  constructor({ graph, inputs, outputs }: RecordedGraph) {
    // TensorFlow loads graphs from folders alone, and needs this one no longer once it is loaded.
    const folder = Deno.makeTempDirSync({ prefix: "rocket-graph-" });
    try {
      Deno.writeFileSync(join(folder, "saved_model.pb"), graph.toSavedModel());
      this.#session = nativeBackend().binding.loadSavedModel(folder, "serve");
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
    this.#feeds = inputs.join(",");
    this.#outputs = outputs;
    this.#fetches = outputs.filter((output) => typeof output === "string").join(",");
  }

  run(inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const backend = nativeBackend();
    const ids = backend.getInputTensorIds(inputs);
    const fetched = backend.binding.runSavedModel(this.#session, ids, this.#feeds, this.#fetches)
      .map((metadata) => backend.createOutputTensor(metadata))
      .values();
    return this.#outputs.map((output) =>
      typeof output === "number" ? inputs[output]! : fetched.next().value!
    );
  }

  dispose(): void {
    nativeBackend().binding.deleteSavedModel(this.#session);
  }
}
