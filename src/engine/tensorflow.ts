/**
 * The part of TensorFlow's C API that tfjs-node's addon does not offer: functions that are graphs.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import type { ClusterMember } from "./cluster/member.ts";
import type { Build } from "./native/build.ts";
import { numberField } from "./protobuf.ts";
import { sessionConfig } from "./session_config.ts";

/** The functions of the C API that Rocket calls. Pointers are integers here. */
const SYMBOLS = {
  TF_NewStatus: { parameters: [], result: "usize" },
  TF_DeleteStatus: { parameters: ["usize"], result: "void" },
  TF_GetCode: { parameters: ["usize"], result: "i32" },
  TF_Message: { parameters: ["usize"], result: "usize" },
  TFE_NewContextOptions: { parameters: [], result: "usize" },
  TFE_DeleteContextOptions: { parameters: ["usize"], result: "void" },
  TFE_ContextOptionsSetConfig: {
    parameters: ["usize", "buffer", "usize", "usize"],
    result: "void",
  },
  TFE_ContextListDevices: { parameters: ["usize", "usize"], result: "usize" },
  TF_DeviceListCount: { parameters: ["usize"], result: "i32" },
  TF_DeviceListType: { parameters: ["usize", "i32", "usize"], result: "usize" },
  TF_DeleteDeviceList: { parameters: ["usize"], result: "void" },
  TFE_NewContext: { parameters: ["usize", "usize"], result: "usize" },
  TFE_ContextAddFunction: { parameters: ["usize", "usize", "usize"], result: "void" },
  TFE_ContextRemoveFunction: { parameters: ["usize", "buffer", "usize"], result: "void" },
  TF_NewBufferFromString: { parameters: ["buffer", "usize"], result: "usize" },
  TF_DeleteBuffer: { parameters: ["usize"], result: "void" },
  TF_NewGraph: { parameters: [], result: "usize" },
  TF_DeleteGraph: { parameters: ["usize"], result: "void" },
  TF_NewImportGraphDefOptions: { parameters: [], result: "usize" },
  TF_DeleteImportGraphDefOptions: { parameters: ["usize"], result: "void" },
  TF_GraphImportGraphDef: { parameters: ["usize", "usize", "usize", "usize"], result: "void" },
  TF_GraphOperationByName: { parameters: ["usize", "buffer"], result: "usize" },
  TF_GraphToFunctionWithControlOutputs: {
    parameters: [
      ...["usize", "buffer", "u8", "i32", "usize", "i32", "buffer", "i32", "buffer"] as const,
      ...["usize", "i32", "buffer", "usize", "usize", "usize", "usize"] as const,
    ],
    result: "usize",
  },
  TF_FunctionSetAttrValueProto: {
    parameters: ["usize", "buffer", "buffer", "usize", "usize"],
    result: "void",
  },
  TF_DeleteFunction: { parameters: ["usize"], result: "void" },
  // The C library's function, which TensorFlow is linked with, copies texts of errors.
  strncpy: { parameters: ["buffer", "usize", "usize"], result: "usize" },
} as const;

/** An integer that is a pointer to an object of TensorFlow. */
type Pointer = bigint;

/** The length up to which the text of an error is read, in bytes. */
const LONGEST_MESSAGE = 16_384;

/** A graph that is to become a function. */
export interface FunctionSource {
  /** The graph, as the bytes of a `GraphDef`. */
  readonly graph: Uint8Array<ArrayBuffer>;
  /** The placeholders of the function's arguments, as `NODE:0`. */
  readonly inputs: readonly string[];
  /** The values that the function returns, as `NODE:OUTPUT`. */
  readonly outputs: readonly string[];
  /** The names of nodes that run in each call, even if no output depends on them. */
  readonly alsoRun: readonly string[];
  /** Whether XLA compiles the function at its first call; false by default. */
  readonly xla?: boolean | undefined;
}

/** The options of a context. */
export interface ContextOptions {
  /** Makes the context a member of a cluster; by default, it belongs to none. */
  readonly member?: ClusterMember | undefined;
  /** The number of the only GPU that TensorFlow sees, starting at 0; by default, it sees none. */
  readonly gpu?: number | undefined;
}

/** A context of TensorFlow's eager API, in which ops and functions are executed. */
export class TensorFlowContext {
  readonly #c: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  readonly #context: Pointer;
  readonly #functions = new Set<string>();
  #made = 0;

  /**
   * Makes a context.
   *
   * @param library The path of TensorFlow's library.
   * @param options The cluster that the context joins, and the number of the GPU that it sees. By
   *   default, there is no cluster, and TensorFlow sees no GPU.
   * @throws {Error} If the library cannot be loaded, makes no context, or cannot listen.
   */
  constructor(library: string, { member, gpu }: ContextOptions = {}) {
    this.#c = Deno.dlopen(library, SYMBOLS).symbols;
    const options = this.#c.TFE_NewContextOptions(), config = sessionConfig({ gpu });
    try {
      this.#checked((status) =>
        member
          ? member.configure(options, status)
          : this.#c.TFE_ContextOptionsSetConfig(options, config, BigInt(config.length), status)
      );
      this.#context = this.#checked((status) => this.#c.TFE_NewContext(options, status));
    } finally {
      this.#c.TFE_DeleteContextOptions(options);
    }
    if (member) this.#checked((status) => member.join(this.#context, status));
  }

  /** Whether TensorFlow computes on a GPU in this context. */
  get hasGpu(): boolean {
    const c = this.#c;
    const list = this.#checked((status) => c.TFE_ContextListDevices(this.#context, status));
    try {
      return Array.from({ length: c.TF_DeviceListCount(list) }, (_, index) => index).some((index) =>
        this.#text(this.#checked((status) => c.TF_DeviceListType(list, index, status))) === "GPU"
      );
    } finally {
      c.TF_DeleteDeviceList(list);
    }
  }

  /**
   * Makes tfjs-node's addon use this context. The addon must not have been loaded yet.
   *
   * @param addon The path of the addon.
   */
  giveTo(addon: string): void {
    const { symbols } = Deno.dlopen(addon, {
      rocket_use_context: { parameters: ["usize"], result: "void" },
    });
    symbols.rocket_use_context(this.#context);
  }

  /**
   * Adds a graph as a function. The addon executes the function like an op with this name.
   *
   * @param source The graph, and its inputs and outputs.
   * @returns The name of the function.
   * @throws {Error} If TensorFlow does not accept the graph.
   */
  addFunction({ graph, inputs, outputs, alsoRun, xla }: FunctionSource): string {
    const c = this.#c, name = `rocket_function_${this.#made++}`;
    const definition = c.TF_NewBufferFromString(graph, BigInt(graph.length));
    const options = c.TF_NewImportGraphDefOptions(), imported = c.TF_NewGraph();
    try {
      this.#checked((status) => c.TF_GraphImportGraphDef(imported, definition, options, status));
      const made = this.#checked((status) =>
        c.TF_GraphToFunctionWithControlOutputs(
          ...[imported, cString(name), 0, ALL_NODES, NULL] as const,
          ...[inputs.length, this.#values(imported, inputs)] as const,
          ...[outputs.length, this.#values(imported, outputs), NULL] as const,
          ...[alsoRun.length, this.#nodes(imported, alsoRun), NULL, NULL, NULL, status] as const,
        )
      );
      if (xla) {
        const isSet = Uint8Array.from(numberField(5, 1)), name = cString("_XlaMustCompile");
        this.#checked((status) =>
          c.TF_FunctionSetAttrValueProto(made, name, isSet, BigInt(isSet.length), status)
        );
      }
      this.#checked((status) => c.TFE_ContextAddFunction(this.#context, made, status));
      // The context has a copy.
      c.TF_DeleteFunction(made);
      this.#functions.add(name);
      return name;
    } finally {
      c.TF_DeleteGraph(imported);
      c.TF_DeleteImportGraphDefOptions(options);
      c.TF_DeleteBuffer(definition);
    }
  }

  /** The number of functions. */
  get functions(): number {
    return this.#functions.size;
  }

  /**
   * Removes a function.
   *
   * @param name Its name.
   */
  removeFunction(name: string): void {
    this.#checked((status) =>
      this.#c.TFE_ContextRemoveFunction(this.#context, cString(name), status)
    );
    this.#functions.delete(name);
  }

  /** Returns an array of `TF_Output`, each a pointer to an operation and the index of its output. */
  #values(graph: Pointer, references: readonly string[]): Uint8Array<ArrayBuffer> {
    const values = references.flatMap((reference) => {
      const [name = "", index = "0"] = reference.split(":");
      return [this.#node(graph, name), BigInt(index)];
    });
    return new Uint8Array(BigInt64Array.from(values).buffer);
  }

  /** Returns an array of pointers to operations. */
  #nodes(graph: Pointer, names: readonly string[]): Uint8Array<ArrayBuffer> {
    return new Uint8Array(BigInt64Array.from(names, (name) => this.#node(graph, name)).buffer);
  }

  #node(graph: Pointer, name: string): Pointer {
    const operation = this.#c.TF_GraphOperationByName(graph, cString(name));
    if (operation === NULL) throw new Error(`the graph has no node ${name}`);
    return operation;
  }

  /** Calls a function of the C API with a new status, and throws the error that it reports. */
  #checked<T>(call: (status: Pointer) => T): T {
    const c = this.#c, status = c.TF_NewStatus();
    try {
      const result = call(status);
      if (c.TF_GetCode(status) === 0) return result;
      throw new Error(this.#text(c.TF_Message(status)));
    } finally {
      c.TF_DeleteStatus(status);
    }
  }

  /** Copies a text of TensorFlow. */
  #text(address: Pointer): string {
    const text = new Uint8Array(LONGEST_MESSAGE);
    this.#c.strncpy(text, address, BigInt(text.length - 1));
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  }
}

const NULL = 0n;

/** For `TF_GraphToFunctionWithControlOutputs`: all nodes of the graph belong to the function. */
const ALL_NODES = -1;

/**
 * Encodes a text as the C API takes it.
 *
 * @param text The text.
 */
export const cString = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`${text}\0`);

let current: TensorFlowContext | undefined;

/**
 * Makes the context of this process and gives it to tfjs-node's addon.
 *
 * @param build The build of the native engine. Its addon must not have been loaded yet.
 * @param options The cluster that the context joins, and the GPU that it sees; none by default.
 */
export function openContext(build: Build, options: ContextOptions = {}): void {
  const { folder, addon, takesContext } = build;
  // An addon of tfjs-node's own installer makes a context that nobody else can use.
  if (!takesContext) return;
  const context = new TensorFlowContext(libraryOf(build), options);
  context.giveTo(join(folder, addon));
  current = context;
}

/**
 * Returns the path of TensorFlow's library, or of a link to it, from which this process may load it.
 *
 * @param build The build of the native engine.
 */
export function libraryOf(
  { folder, addon, library }: Pick<Build, "folder" | "addon" | "library">,
): string {
  // The addon is linked with the library in its own folder.
  return join(folder, dirname(addon), basename(library));
}

/**
 * Returns the context in which tfjs-node executes ops; undefined if it has been made by an addon of
 * tfjs-node's own installer.
 */
export function currentContext(): TensorFlowContext | undefined {
  return current;
}
