import { UserError } from "../base/errors.ts";
import { startThread } from "../base/machine/restrict_thread.ts";
import type { OpenedSession, OrtTensor, Session } from "../run/model/onnx_runtime.ts";
import type { OnnxModel, RunnerOptions } from "./runners.ts";

/** An input of a call, in a form that can be sent to another thread. */
interface SentTensor {
  readonly name: string;
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** A message to the thread that runs ONNX Runtime: the model to load, or the inputs of a call. */
export type SentRequest =
  | { readonly model: OnnxModel; readonly options: RunnerOptions }
  | { readonly feeds: readonly SentTensor[] };

/**
 * The thread's answer to a {@linkcode SentRequest}: the inputs of the loaded model, the logits of a
 * call, or an error message.
 */
export type SentAnswer =
  | Pick<Session, "inputNames" | "inputMetadata">
  | { readonly logits: Float32Array }
  | { readonly failed: string };

/** A tensor as the thread makes it again. */
class ThreadTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];

  constructor(type: string, data: unknown, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

/**
 * Loads an ONNX model in a separate thread. Calls do not block the current thread; several calls
 * can be pending at the same time.
 *
 * @param model The model. The thread starts before it is known.
 * @param options The number of threads.
 * @throws {Error} If the thread cannot be started, or cannot load the model.
 */
export async function openThreadSession(
  model: OnnxModel | Promise<OnnxModel>,
  options: RunnerOptions,
): Promise<OpenedSession> {
  const thread = new SessionThread();
  try {
    const answer = await thread.send({ model: await model, options });
    const { inputNames, inputMetadata } = answer as Pick<Session, "inputNames" | "inputMetadata">;
    const session: OpenedSession["session"] = {
      inputNames,
      inputMetadata,
      waits: true,
      async run(feeds) {
        const sent = Object.entries(feeds).map(([name, { type, data, dims }]) => ({
          ...{ name, type, dims },
          // The caller keeps its arrays, and the thread gets the copies without copying them again.
          data: ArrayBuffer.isView(data) ? data.slice() : data,
        }));
        const moved = sent.flatMap(({ data }) => ArrayBuffer.isView(data) ? data.buffer : []);
        const { logits } = await thread.send(
          { feeds: sent },
          moved as ArrayBuffer[],
        ) as { logits: Float32Array };
        return { logits: { data: logits } as OrtTensor };
      },
      release: () => Promise.resolve(thread.close()),
    };
    return { runtime: { Tensor: ThreadTensor as never }, session };
  } catch (error) {
    thread.close();
    throw error;
  }
}

class SessionThread {
  readonly #worker = startThread(new URL("./session_thread.ts", import.meta.url));
  readonly #waiting: PromiseWithResolvers<SentAnswer>[] = [];
  #failure: string | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<SentAnswer>) => {
      const next = this.#waiting.shift();
      if ("failed" in data) next?.reject(new UserError(data.failed));
      else next?.resolve(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    this.#worker.onmessageerror = () => this.#fail("a message cannot be read");
  }

  /**
   * Sends a request.
   *
   * @param moved The buffers of the request that the thread gets; this thread loses them.
   * @returns The answer; a rejection of the promise need not be handled.
   */
  send(request: SentRequest, moved: ArrayBuffer[] = []): Promise<SentAnswer> {
    const waiting = Promise.withResolvers<SentAnswer>();
    waiting.promise.catch(() => {});
    if (this.#failure !== undefined) waiting.reject(this.#error());
    else {
      this.#waiting.push(waiting);
      this.#worker.postMessage(request, moved);
    }
    return waiting.promise;
  }

  close(): void {
    this.#worker.terminate();
    this.#fail("it was closed");
  }

  #fail(message: string): void {
    this.#failure ??= message;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error());
  }

  #error(): Error {
    return new Error(`the thread of ONNX Runtime failed: ${this.#failure}`);
  }
}
