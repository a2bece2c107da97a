import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { nativeBackend, NotCapturable, record, type RecordedGraph } from "./recorder.ts";
import type { TraceEntry } from "./recorder.ts";
import type { Precision } from "./precision.ts";
import { leaves, type Tree, withLeaves } from "./tree.ts";

/** What became of a function that was to be captured. */
export interface CaptureReport {
  /** Whether it is replayed as a graph. */
  readonly captured: boolean;
  /** Why not. */
  readonly reason?: string | undefined;
  /** Whose fault that is, in words. */
  readonly origin?: string | undefined;
  /** The nodes of the graph. */
  readonly nodes?: number;
  /** The bytes of constants in the graph. */
  readonly constantBytes?: number;
}

/** How to capture. */
export interface CaptureOptions {
  /** Told once for each signature what became of it. */
  readonly report?: ((report: CaptureReport) => void) | undefined;
  /** Says who is computing at the moment, in words. */
  readonly origin?: (() => string | undefined) | undefined;
  /** What graphs compute maps in; what runs op by op is in float32. */
  readonly precision?: Precision | undefined;
}

/** Where a signature is on its way to being replayed. */
type Phase<Output> =
  | { readonly kind: "recorded"; readonly trace: readonly TraceEntry[] }
  | { readonly kind: "captured"; readonly session: Session; readonly form: Output }
  | { readonly kind: "eager" };

/**
 * A function of tensors that runs as usual the first time, is compared with itself the second time,
 * and is a TensorFlow graph from then on: once for each signature of its inputs, their shapes and
 * types. A function whose two recordings differ, or that reads values, goes on running as usual, and
 * so does every function on other engines than the native one.
 *
 * @typeParam Input The form of its inputs, a {@linkcode Tree} that is the same in all calls.
 * @typeParam Output The form of its results, a {@linkcode Tree}.
 */
export class CapturedFunction<Input extends object, Output extends object> {
  readonly #run: (input: Input) => Output;
  readonly #options: CaptureOptions;
  readonly #phases = new Map<string, Phase<Output>>();

  /**
   * Wraps a function.
   *
   * @param run A pure function of tensors; it neither changes its inputs nor disposes of them.
   * @param options Who is told what became of it.
   */
  constructor(run: (input: Input) => Output, options: CaptureOptions = {}) {
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
    const signature = tensors.map(({ dtype, shape }) => `${dtype}[${shape}]`).join(" ");
    const phase = this.#phases.get(signature);
    if (phase?.kind === "captured") {
      return withLeaves(phase.form as Tree, phase.session.run(tensors)) as Output;
    }
    if (phase?.kind === "eager") return this.#eager(input);
    return this.#record(input, tensors, signature, phase?.trace);
  }

  /** Frees the graphs. */
  dispose(): void {
    for (const phase of this.#phases.values()) {
      if (phase.kind === "captured") phase.session.dispose();
    }
    this.#phases.clear();
  }

  #eager(input: Input): Output {
    return tf.tidy(() => this.#run(input) as Output & tf.TensorContainer);
  }

  #record(
    input: Input,
    tensors: readonly tf.Tensor[],
    signature: string,
    earlier: readonly TraceEntry[] | undefined,
  ): Output {
    let output!: Output;
    let recorded!: RecordedGraph;
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
    if (!earlier) {
      this.#phases.set(signature, { kind: "recorded", trace: recorded.trace });
      return output;
    }
    const different = recorded.trace.find(({ text }, index) => text !== earlier[index]?.text);
    if (different || recorded.trace.length !== earlier.length) {
      const reason = "it is not the same from step to step: it draws random numbers or keeps count";
      this.#giveUp(signature, reason, different?.origin);
    } else {
      this.#load(recorded, signature, output);
    }
    return output;
  }

  #load(recorded: RecordedGraph, signature: string, output: Output): void {
    let session: Session;
    try {
      session = new Session(recorded);
    } catch (error) {
      return this.#giveUp(signature, `TensorFlow refuses the graph: ${(error as Error).message}`);
    }
    const { nodes, constantBytes } = recorded.graph;
    this.#phases.set(signature, { kind: "captured", session, form: output });
    this.#options.report?.({ captured: true, nodes, constantBytes });
  }

  #giveUp(signature: string, reason: string, origin?: string): void {
    this.#phases.set(signature, { kind: "eager" });
    this.#options.report?.({ captured: false, reason, origin });
  }
}

/** Why a function cannot be captured, even where what it called has wrapped that in its own error. */
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
