/**
 * The server: listens until it is told to stop.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { faultLine } from "./fault_line.ts";
import type { ServeHandler } from "./handler.ts";
import type { ServeLimits } from "./limits.ts";

/** The options of a server: the address and the port to listen on, limits, and callbacks. */
export interface ServerOptions {
  /** The address to listen on. */
  readonly hostname: string;
  /** The port; 0 for any free one. */
  readonly port: number;
  /** The limits. */
  readonly limits: Pick<ServeLimits, "stopTime">;
  /** Called with the port when the server listens. */
  readonly onListen: (port: number) => void;
  /** Called with a line for the log. */
  readonly onWarning: (line: string) => void;
}

/** A server that accepts connections. */
export interface RunningServer {
  /**
   * Resolves when the server has stopped: when all requests are answered, or when the time for this
   * is over.
   */
  readonly finished: Promise<void>;
  /** Stops accepting connections, and finishes the requests whose bodies have arrived. */
  stop(): void;
}

/** The time in milliseconds between two attempts to listen again. */
const PAUSE = 100;

/**
 * Starts a server.
 *
 * @param handler Answers requests.
 * @param options Where it listens, and what it calls.
 * @throws {UserError} If the port is in use or may not be used.
 */
export function startServer(
  handler: Pick<ServeHandler, "handle" | "stop">,
  options: ServerOptions,
): RunningServer {
  const { hostname, limits, onListen, onWarning } = options;
  const open = (port: number) =>
    Deno.serve(
      {
        hostname,
        port,
        onListen() {},
        // Deno would print the error as it is, with text of the client.
        onError(error) {
          onWarning(faultLine(error));
          return new Response(null, { status: 500 });
        },
      },
      (request) => handler.handle(request),
    );
  let server = listen(() => open(options.port), hostname, options.port);
  const { port } = server.addr as Deno.NetAddr;
  let isStopping = false, timer: ReturnType<typeof setTimeout> | undefined;
  const late = Promise.withResolvers<void>();
  const run = async () => {
    for (;;) {
      try {
        await server.finished;
      } catch (error) {
        // Deno stops to accept connections when the process has too many files open.
        if (isStopping) return;
        onWarning(`${(error as Error).message}: closing idle connections`);
      }
      if (isStopping) return;
      // Requests that are being answered are finished. Idle connections are closed, as well as those
      // whose headers are not complete, so that others can connect.
      server.shutdown().catch(() => {});
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        if (isStopping) return;
        try {
          server = open(port);
          break;
        } catch {
          // The files are still open.
        }
      }
    }
  };
  onListen(port);
  return {
    finished: Promise.race([run(), late.promise]).finally(() => clearTimeout(timer)),
    stop() {
      if (isStopping) return;
      isStopping = true;
      handler.stop();
      timer = setTimeout(late.resolve, limits.stopTime);
      server.shutdown().catch(() => {});
    },
  };
}

function listen<T>(open: () => T, hostname: string, port: number): T {
  try {
    return open();
  } catch (error) {
    throw listenError(error, hostname, port);
  }
}

/**
 * Creates the error for an address that a server cannot listen on.
 *
 * @param error The error of the operating system.
 * @param hostname The address.
 * @param port The port.
 */
export function listenError(error: unknown, hostname: string, port: number): UserError {
  if (error instanceof Deno.errors.AddrInUse) {
    return new UserError(`the port ${port} of ${hostname} is in use by another program`, {
      hint: hint("serve/port", "choose another one, such as `--port 0` for any free port", {
        args: { add: ["--port", "0"] },
      }),
      cause: error,
    });
  }
  return new UserError(`cannot listen on ${hostname}:${port}: ${(error as Error).message}`, {
    hint: hint(
      "serve/host",
      "use an address of this machine: 127.0.0.1, or 0.0.0.0 for all of its addresses",
      {
        args: { add: ["--host", "127.0.0.1"] },
      },
    ),
    cause: error,
  });
}
