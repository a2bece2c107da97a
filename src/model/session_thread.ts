/**
 * The entry point of the thread in which ONNX Runtime computes while the main thread decodes and
 * writes rows: a call of ONNX Runtime blocks the thread that makes it.
 *
 * @module
 */

import { thrownMessage } from "../base/printable.ts";
import { logitsOf, openOwnSession } from "./runners.ts";
import { loadOnnxRuntime, type OpenedSession, type OrtTensor } from "../run/model/onnx_runtime.ts";
import type { SentAnswer, SentRequest } from "./thread_session.ts";

/** The thread's own scope, typed here because the types of windows and workers exclude each other. */
const thread = globalThis as unknown as {
  onmessage: (event: MessageEvent<SentRequest>) => void;
  postMessage(answer: SentAnswer, transfer?: ArrayBuffer[]): void;
};

// It loads while the other thread still reads the model; the first request reports a failure.
loadOnnxRuntime().catch(() => {});

let opened: Promise<OpenedSession["session"]> | undefined;

/** The last answer: requests are answered one after the other. */
let last: Promise<void> = Promise.resolve();

thread.onmessage = ({ data }) => {
  last = last.then(() => answer(data));
};

async function answer(request: SentRequest): Promise<void> {
  try {
    if ("model" in request) {
      opened = openOwnSession(request.model, request.options).then(({ session }) => session);
      const { inputNames, inputMetadata } = await opened;
      return thread.postMessage({ inputNames: [...inputNames], inputMetadata: [...inputMetadata] });
    }
    const session = await opened!, { Tensor } = await loadOnnxRuntime();
    const feeds: Record<string, OrtTensor> = {};
    for (const { name, type, data, dims } of request.feeds) {
      feeds[name] = new Tensor(type as "float32", data as Float32Array, dims);
    }
    const own = (await logitsOf(session, feeds)).slice();
    thread.postMessage({ logits: own }, [own.buffer]);
  } catch (error) {
    thread.postMessage({ failed: thrownMessage(error) });
  }
}
