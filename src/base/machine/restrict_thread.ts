/**
 * Closes gaps in Deno's permissions, before a thread loads code other than Rocket's.
 *
 * @module
 */

import { join } from "node:path";
import { WASI } from "node:wasi";
import { Worker as NodeWorker } from "node:worker_threads";
import { cacheFolder } from "./cache_folder.ts";
import { denoFolder } from "./deno_folder.ts";

/** Deno's class, since code of a pipeline may replace the global one. */
const OwnWorker = Worker;

/** The address of the module that may run as a thread; undefined if any may. */
let allowed: string | undefined;

/** Whether the thread that starts now is one of Rocket's. */
let isOwn = false;

/**
 * Prevents code in this thread from creating links, which Deno's permissions do not prevent: a
 * program that may write in a folder could create a link there, and use it to read and write files
 * anywhere. `node:wasi` creates them, so its methods are replaced. A new thread would have the
 * original methods again, so only Rocket's own threads can be started, which call this function
 * too.
 *
 * If native code may be loaded, Deno's permissions restrict nothing, and this function does
 * nothing.
 *
 * @param module The module of Rocket that may run as a thread, if there is one.
 */
export function restrictThread(module?: URL): void {
  if (allowed !== undefined || mayLoadNativeCode()) return;
  allowed = module?.href ?? "";
  const refuseWasi = () => {
    throw new Error(
      "node:wasi is not available, because Deno does not restrict the links it makes",
    );
  };
  for (const name of Object.getOwnPropertyNames(WASI.prototype)) {
    Object.defineProperty(WASI.prototype, name, { value: refuseWasi, writable: false });
  }
  Object.freeze(WASI.prototype);
  for (const type of [OwnWorker, NodeWorker]) refuseOthers(type);
}

/**
 * Starts a worker thread that runs one of Rocket's own modules.
 *
 * @param module The module that the thread runs.
 * @throws {Error} If it is not the module that {@linkcode restrictThread} allows.
 */
export function startThread(module: URL): Worker {
  // Code of a pipeline may have replaced methods of built-in classes, so none are used here.
  const { href } = module, options = { __proto__: null, type: "module" } as const;
  if (allowed !== undefined && href !== allowed) throw refusedThread();
  isOwn = true;
  try {
    return new OwnWorker(href, options);
  } finally {
    isOwn = false;
  }
}

const refusedThread = () =>
  new Error("code of a pipeline cannot start threads, because Deno does not restrict them enough");

/**
 * Makes the constructor of a class of threads fail. A constructor first calls the one of its parent
 * class, wherever code has the class from.
 */
function refuseOthers(type: object): void {
  const parent: new (...args: unknown[]) => object = Object.getPrototypeOf(type);
  class Refusing extends parent {
    constructor(...args: unknown[]) {
      if (!isOwn) throw refusedThread();
      isOwn = false;
      super(...args);
    }
  }
  Object.setPrototypeOf(type, Refusing);
  // The parent can then not be exchanged again.
  Object.preventExtensions(type);
}

function mayLoadNativeCode(): boolean {
  const ffi = (path?: string) =>
    Deno.permissions.querySync({ name: "ffi", ...(path !== undefined && { path }) }).state;
  try {
    return [undefined, cacheFolder(), join(denoFolder(), "npm")]
      .some((path) => ffi(path) === "granted");
  } catch {
    // The folders are not known without the permission to read environment variables.
    return false;
  }
}
