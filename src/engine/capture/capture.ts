import { inOneLine, thrownMessage } from "../../base/printable.ts";
import * as tf from "@tensorflow/tfjs";
import { currentContext, type TensorFlowContext } from "../tensorflow.ts";
import { isOfOthers, NO_EXCHANGES, withoutOtherProcesses } from "./collective.ts";
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

/** The result of an attempt to capture a function as a graph. */
export interface CaptureReport {
  /** Whether the function is replayed as a graph. */
  readonly captured: boolean;
  /** The reason why the function was not captured. */
  readonly reason?: string | undefined;
  /** The stage that prevents the capture, as text for messages. */
  readonly origin?: string | undefined;
  /** The properties of the graph. */
  readonly graph?: GraphReport;
}

/** The properties of a captured graph, such as its number of nodes. Log messages report them. */
export interface GraphReport {
  /** The number of nodes. */
  readonly nodes: number;
  /** The number of nodes that convert to bfloat16 or back. */
  readonly casts: number;
  /** The size of the constants in the graph, in bytes. */
  readonly constantBytes: number;
  /**
   * The numbers of rows with which the function was traced; empty if it was recorded during a
   * normal call.
   */
  readonly tracedRows: readonly number[];
  /**
   * The reason why the function was not traced with few rows although the inputs with one entry per
   * row are known.
   */
  readonly untraced?: string | undefined;
  /** The duration of the recording, in seconds. */
  readonly recordSeconds: number;
  /** The time that TensorFlow needed to load the graph, in seconds. */
  readonly loadSeconds: number;
}

/**
 * Options for capturing a function.
 *
 * @typeParam Input The form of the function's inputs.
 */
export interface CaptureOptions<Input> {
  /** Receives a report for each signature; failures with the same cause are reported once. */
  readonly report?: ((report: CaptureReport) => void) | undefined;
  /** Returns the stage that is running at the moment, as text for messages. */
  readonly origin?: (() => string | undefined) | undefined;
  /** The precision of feature maps in graphs. Functions that run op by op always use float32. */
  readonly precision?: Precision | undefined;
  /**
   * Returns the inputs whose first axis is the rows of a batch. If given, the function is recorded
   * with few rows, which needs little memory, and replayed from the first call on.
   */
  readonly rows?: ((input: Input) => readonly tf.Tensor[]) | undefined;
  /**
   * Whether XLA compiles the graphs at their first call; false by default. If XLA refuses a graph,
   * the function runs op by op.
   */
  readonly xla?: boolean | undefined;
  /** Changes graphs before they are loaded. The changed graph must compute the same results. */
  readonly rewrite?: ((recorded: RecordedGraph) => RecordedGraph) | undefined;
}

/** The progress of a signature from the first call to a captured graph. */
type Phase<Output> =
  | {
    readonly kind: "recorded";
    readonly traces: readonly (readonly TraceEntry[])[];
    readonly why?: string | undefined;
  }
  | {
    readonly kind: "captured";
    readonly graph: GraphFunction;
    readonly form: Output;
    readonly exchanges: number;
  }
  | { readonly kind: "eager" };

/**
 * The numbers of rows of the trial traces. `more` is added to the number of rows of results whose
 * size depends on values, so that these sizes are not a linear function of the number of rows.
 */
const trials = [
  { rows: 2, more: 1009 },
  { rows: 3, more: 1511 },
  { rows: 5, more: 1013 },
] as const;

/** Functions with fewer rows than this are traced with all rows. */
const FEW_ROWS = 16;

/** The maximum number of recordings to wait for one in which sizes that depend on values differ. */
const MAX_RECORDINGS = 8;

/** Stand-ins for unknown sizes in two dry runs. No batch has as many rows or channels. */
const unknownSizes = [1_000_003, 2_000_003] as const;

/**
 * A function of tensors as a TensorFlow graph. There is one graph for each signature, that is, the
 * shapes and types of the inputs.
 *
 * If it is known which inputs have one entry per row of the batch, the function is traced with a
 * few rows. Its calls with the batch's true size are then recorded without computing anything. If
 * the sizes cannot be derived from the number of rows, or there are only few rows, the function is
 * traced with all rows. In both cases the first call already runs the graph, so it computes exactly
 * the same results as later calls.
 *
 * If these inputs are unknown, the first call runs op by op and is recorded, the second call is
 * recorded and compared with the first, and later calls run the graph. A function stays op by op if
 * two recordings differ or if it reads values of tensors. On engines other than the native one, all
 * functions run op by op.
 *
 * @typeParam Input The structure of the inputs, a {@linkcode Tree} that is the same in all calls.
 * @typeParam Output The structure of the results, a {@linkcode Tree}.
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
   * @param run A pure function of tensors. It must neither change nor dispose of its inputs.
   * @param options The listener for reports, the inputs with one entry per row, and the precision.
   */
  constructor(run: (input: Input) => Output, options: CaptureOptions<Input> = {}) {
    this.#run = run;
    this.#options = options;
  }

  /**
   * Calls the function, or replays its graph.
   *
   * @param input The inputs.
   * @returns The results, which the caller disposes of.
   */
  call(input: Input): Output {
    if (tf.getBackend() !== "tensorflow") return this.#eager(input);
    if (!currentContext()) {
      this.#reportOnce(NO_FUNCTIONS);
      return this.#eager(input);
    }
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

  /**
   * Captures the function for the form of an input, without calling it.
   *
   * @param input The inputs.
   * @returns A hash of the operations in which other processes take part, in their order; undefined
   *   if the function will run op by op.
   */
  prepare(input: Input): number | undefined {
    if (tf.getBackend() !== "tensorflow" || !currentContext()) return undefined;
    const tensors = leaves(input as Tree), signature = signatureOf(tensors, new Set());
    if (!this.#phases.has(signature)) this.#traceTrial(input, tensors, signature);
    const phase = this.#phases.get(signature);
    return phase?.kind === "captured" ? phase.exchanges : undefined;
  }

  /**
   * Runs the function op by op from now on, for all inputs of the form of one.
   *
   * @param input The inputs.
   * @param reason The reason, for a report.
   */
  runOpByOp(input: Input, reason: string): void {
    const signature = signatureOf(leaves(input as Tree), new Set());
    const phase = this.#phases.get(signature);
    if (phase?.kind === "eager") return;
    if (phase?.kind === "captured") phase.graph.dispose();
    this.#giveUp(signature, reason);
  }

  /** Frees the graphs. */
  dispose(): void {
    for (const phase of this.#phases.values()) {
      if (phase.kind === "captured") phase.graph.dispose();
    }
    this.#phases.clear();
    this.#trialTraces.clear();
  }

  #eager(input: Input): Output {
    return tf.tidy(() => this.#run(input) as Output & tf.TensorContainer);
  }

  #replay(
    { graph, form, exchanges }: Phase<Output> & { kind: "captured" },
    input: Input,
    tensors: readonly tf.Tensor[],
    signature: string,
  ): Output {
    let results: tf.Tensor[];
    try {
      results = graph.run(tensors);
    } catch (error) {
      // The other processes do not repeat their call.
      if (exchanges !== NO_EXCHANGES) throw this.#errorAlone(input, error);
      // If the stage is wrong, the run op by op fails too and its error names the stage. If it
      // succeeds, the graph was the cause.
      const output = this.#eager(input);
      graph.dispose();
      this.#giveUp(signature, `running its graph failed: ${inOneLine((error as Error).message)}`);
      return output;
    }
    return withLeaves(form as Tree, results) as Output;
  }

  /**
   * Repeats a call that has failed in this process, without the others, for an error that names the
   * stage.
   */
  #errorAlone(input: Input, error: unknown): unknown {
    if (isOfOthers(error)) return error;
    try {
      const output = withoutOtherProcesses(() => this.#eager(input));
      tf.dispose(leaves(output as Tree).filter((one) => !leaves(input as Tree).includes(one)));
      return error;
    } catch (own) {
      return own;
    }
  }

  /** Captures the function before its first call, if possible. */
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
        // The error is not about capturing: without tracing, the function may succeed. If it fails,
        // its error states the true number of rows.
        why ??= thrownMessage(error);
        // The first call would find the tensors that another trial trace kept.
        if (why === KEEPS) break;
      }
    }
    this.#phases.set(signature, { kind: "recorded", traces: [], why });
  }

  /**
   * Records the function at its true size without computing anything, from trial traces with few
   * rows.
   */
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
   * Records the function with all rows and discards the results. A graph rounds differently from
   * single ops, so without this the numbers would show which step was the first of a process.
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
        // A tensor that is kept from a dry run would have no values.
        if (kept > 0 && rows > trials[0].rows) throw new Unforeseen(KEEPS);
        return { rows, trace: recorded.trace };
      } finally {
        tf.dispose(few.filter((tensor) => !tensors.includes(tensor)));
      }
    }));
    this.#trialTraces.set(family, traces);
    return traces;
  }

  /** Records the function, discards its results, and counts the tensors that it kept. */
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
      // Tensors that were kept from tidy() are also among the results.
      const given = new Set(tensors);
      tf.dispose(made.results.filter((result) => !given.has(result)));
    });
    const kept = tf.memory().numDataBuffers - before;
    return { recorded, output, kept };
  }

  /** Runs the function op by op and records it. */
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
      this.#giveUp(signature, "it is unclear which of its tensor sizes depend on values");
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
    let graph: GraphFunction;
    try {
      graph = new GraphFunction(recorded, currentContext()!, this.#options.xla);
    } catch (error) {
      return this.#giveUp(
        signature,
        `TensorFlow cannot load its graph: ${inOneLine((error as Error).message)}`,
      );
    }
    const { nodes, casts, constantBytes } = recorded.graph;
    const { exchanges } = recorded;
    this.#phases.set(signature, { kind: "captured", graph, form: output, exchanges });
    this.#options.report?.({
      captured: true,
      graph: { nodes, casts, constantBytes, ...how, loadSeconds: secondsSince(started) },
    });
  }

  #giveUp(signature: string, reason: string, origin?: string): void {
    this.#phases.set(signature, { kind: "eager" });
    // The last batch of an epoch has its own signature, but the reason is usually the same.
    this.#reportOnce(reason, origin);
  }

  #reportOnce(reason: string, origin?: string): void {
    const shown = `${origin} ${reason}`;
    if (this.#reasons.has(shown)) return;
    this.#reasons.add(shown);
    this.#options.report?.({ captured: false, reason, origin });
  }
}

const NO_FUNCTIONS =
  "this TensorFlow was set up by tfjs-node's own installer, which cannot run captured graphs";

const NOT_THE_SAME =
  "its operations change from step to step, for example because it draws random numbers or counts steps";

/**
 * Returns the types and shapes of tensors as a key, without the number of rows of batch tensors.
 */
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

const KEEPS = "it keeps tensors after it returns";

/** Returns the second of two recordings, which must be the same. */
function sameTwice<T extends { recorded: RecordedGraph }>([first, second]: readonly T[]): T {
  if (firstDifference(first!.recorded.trace, second!.recorded.trace)) {
    throw new Unforeseen(NOT_THE_SAME);
  }
  return second!;
}

/**
 * Returns the reason why a function cannot be captured, even if the code in between wrapped the
 * error in another one.
 */
function notCapturable(error: unknown): NotCapturable | undefined {
  if (error instanceof NotCapturable) return error;
  return error instanceof Error && error.cause ? notCapturable(error.cause) : undefined;
}

/** A graph that is a function of TensorFlow's context. */
class GraphFunction {
  readonly #context: TensorFlowContext;
  readonly #name: string;
  readonly #outputs: RecordedGraph["outputs"];
  readonly #count: number;

  constructor(
    { graph, inputs, outputs, writes }: RecordedGraph,
    context: TensorFlowContext,
    xla = false,
  ) {
    const computed = outputs.filter((output) => typeof output === "string");
    this.#context = context;
    this.#name = context.addFunction({
      graph: graph.toGraphDef(),
      inputs,
      outputs: computed,
      alsoRun: writes,
      xla,
    });
    this.#outputs = outputs;
    this.#count = computed.length;
  }

  run(inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const backend = nativeBackend();
    const ids = backend.getInputTensorIds(inputs);
    const computed = backend.binding.executeOp(this.#name, [], ids, this.#count)
      .map((metadata) => backend.createOutputTensor(metadata))
      .values();
    return this.#outputs.map((output) =>
      typeof output === "number" ? inputs[output]! : computed.next().value!
    );
  }

  dispose(): void {
    this.#context.removeFunction(this.#name);
  }
}
