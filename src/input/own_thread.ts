/**
 * Keeps the thread that makes batches running, whatever code of a pipeline does in it.
 *
 * @module
 */

import process from "node:process";
import { thrownMessage } from "../base/printable.ts";

/**
 * What code of a pipeline did in the thread, so that the main thread does the same: it called
 * `Deno.exit()`, or threw an error that no code handles.
 */
export type Deed = { readonly exit: number | undefined } | { readonly uncaught: string };

/** The scope of the thread, typed here because the types of windows and workers exclude each other. */
const scope = globalThis as unknown as {
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
};

/**
 * Starts to receive messages in the thread. From then on, only the returned function sends
 * messages. Code of a pipeline cannot end the thread, for which the main thread would wait forever.
 * Instead, the main thread is told to end the process.
 *
 * @param hear Receives each message.
 * @returns The function that sends a message, and moves buffers to the main thread.
 */
export function takeThread<Message, Answer>(
  hear: (message: Message) => void,
): (answer: Answer | Deed, transfer?: ArrayBuffer[]) => void {
  const send = scope.postMessage.bind(scope);
  scope.addEventListener("message", ({ data }) => hear(data));
  const exit = (code?: unknown) => {
    send({ exit: typeof code === "number" ? code : undefined });
    throw new Error("the process ends");
  };
  const refuse = () => {
    throw new Error("only Rocket sends messages from this thread");
  };
  const internals = Object(Object(Deno)[Object(Deno).internal]).core?.ops ?? {};
  // The parts of node:process, too: `process.exit` calls `reallyExit`, which modules cannot import.
  const replaced = [
    [globalThis, "close", exit],
    [Deno, "exit", exit],
    [process, "exit", exit],
    [process, "reallyExit", exit],
    [process, "abort", exit],
    [internals, "op_worker_close", exit],
    [globalThis, "postMessage", refuse],
  ] as const;
  for (const [object, name, value] of replaced) {
    Object.defineProperty(object, name, { value, writable: false, configurable: false });
  }
  const report = (event: Event, what: unknown) => {
    event.preventDefault();
    send({ uncaught: thrownMessage(what) });
  };
  globalThis.addEventListener("error", (event) => report(event, event.error));
  globalThis.addEventListener("unhandledrejection", (event) => report(event, event.reason));
  return send;
}
