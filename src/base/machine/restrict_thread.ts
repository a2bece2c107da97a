/**
 * Closes gaps in Deno's permissions, before a thread loads code other than Rocket's.
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
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
 * Prevents code in this thread from doing what Deno's permissions do not prevent:
 *
 * - `node:wasi` creates links. A program that may write in a folder could create a link there, and
 *   use it to read and write files anywhere.
 * - `node:sqlite` removes files. The journal of a database names a file, which SQLite removes when
 *   it recovers the database.
 * - WebGPU loads the graphics driver, which is native code.
 * - The classes of Deno for `node:net`, `node:dgram`, and `node:tty` send and receive data through any
 *   connection that this process inherited from the program that started it, such as a shell, and
 *   they listen on all networks if no address is chosen.
 *
 * After the call, the methods of the classes of these modules throw an error. In a new thread, the
 * methods would work again. Therefore, only Rocket's own threads can be started; they call this
 * function too.
 *
 * If native code may be loaded, Deno's permissions restrict nothing, and this function does
 * nothing.
 *
 * @param module The module of Rocket that may run as a thread, if there is one.
 */
export function restrictThread(module?: URL): void {
  if (allowed !== undefined || mayLoadNativeCode()) return;
  allowed = module?.href ?? "";
  refuseMethods(WASI, "node:wasi", "the links it makes");
  refuseMethods(DatabaseSync, "node:sqlite", "the files it removes");
  // The function `backup` of node:sqlite fails without this prototype.
  Object.defineProperty(DatabaseSync, "prototype", { value: undefined, writable: false });
  if (typeof GPU !== "undefined") refuseMethods(GPU, "WebGPU", "the native code it loads");
  refuseConnections();
  for (const type of [OwnWorker, NodeWorker]) refuseOthers(type);
}

/** Makes all methods of a class fail, including those of its parent classes. */
function refuseMethods({ prototype }: { prototype: object }, name: string, what: string): void {
  const value = () => {
    throw new Error(`${name} is not available, because Deno does not restrict ${what}`);
  };
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      const { configurable } = Reflect.getOwnPropertyDescriptor(at, key)!;
      // Only the formatting of objects for the console cannot be replaced.
      if (configurable || typeof key === "string") {
        Object.defineProperty(at, key, { value, writable: false });
      }
    }
    Object.freeze(at);
  }
}

/**
 * The classes of Deno behind `node:net` and `node:dgram`, and the methods that need no permission:
 * they use a file descriptor, or listen on all networks, because the permission to listen is checked
 * when an address is chosen.
 */
const sockets = [
  ["tcp_wrap", "TCP", ["open", "openFromRid", "listen"]],
  ["pipe_wrap", "Pipe", ["open", "listen"]],
  ["udp_wrap", "UDP", ["open", "connect", "connect6"]],
] as const;

/** Prevents the use of connections that Deno does not restrict. */
function refuseConnections(): void {
  // Not an arrow function, because it also takes the place of a constructor.
  const value = function () {
    throw new Error(
      "node:net, node:dgram, and node:tty can use neither file descriptors nor listening sockets: " +
        "Deno does not restrict them",
    );
  };
  const { binding } = process as unknown as {
    binding(name: string): Record<string, { readonly prototype: object }>;
  };
  for (const [name, type, methods] of sockets) {
    const { prototype } = binding(name)[type]!;
    for (const method of methods) {
      Object.defineProperty(prototype, method, { value, writable: false });
    }
  }
  // The constructor of this class takes a file descriptor. Deno's own modules refer to it directly.
  const terminals = binding("tty_wrap"), { prototype } = terminals.TTY!;
  Object.defineProperty(prototype, "constructor", { value, writable: false });
  Object.defineProperty(terminals, "TTY", { value, writable: false });
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
 * Makes the constructor of a class of threads fail. It replaces the parent class, whose constructor
 * is always called, even if code has an earlier reference to the class.
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
  // The parent class cannot be replaced again after this.
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
