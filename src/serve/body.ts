import { HttpError } from "./http_error.ts";
import type { ServeLimits } from "./limits.ts";
import type { Turns } from "./turns.ts";

/** Up to this size in bytes, a body is read at once; its size must be declared. */
const SMALL = 2 ** 16;

/**
 * Tells a client to close the connection. If it does not, Deno reads the rest of its body and
 * discards it.
 */
const closing = { connection: "close" } as const;

/** Reads the bodies of requests within limits of size, time, and memory. */
export class BodyReader {
  readonly #limits: ServeLimits;
  readonly #turns: Turns;
  /** The number of requests whose bodies are being received. */
  #receiving = 0;
  /** The size in bytes of all bodies that are held. */
  #held = 0;

  /**
   * Creates a reader.
   *
   * @param limits The limits.
   * @param turns Gives other requests turns while a body arrives.
   */
  constructor(limits: ServeLimits, turns: Turns) {
    this.#limits = limits;
    this.#turns = turns;
  }

  /** The number of requests whose bodies are being received. */
  get receiving(): number {
    return this.#receiving;
  }

  /**
   * Reads the body of a request.
   *
   * @param request The request.
   * @returns The bytes, and a function that must be called when they are no longer used.
   * @throws {HttpError} If the body is too large, arrives too slowly, or memory is exhausted.
   */
  async read(request: Request): Promise<{ bytes: Uint8Array; release: () => void }> {
    const { bodyBytes, receiving, receiveTime } = this.#limits;
    const declared = declaredSize(request.headers);
    if (declared > bodyBytes) throw tooLarge(bodyBytes);
    if (this.#receiving >= receiving) throw this.#busy();
    this.#receiving++;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let held = 0;
    const hold = (length: number) => {
      held += length;
      this.#held += length;
      if (held > bodyBytes) throw tooLarge(bodyBytes);
      if (this.#held > this.#limits.allBytes) throw this.#busy();
    };
    const release = () => {
      this.#held -= held;
      held = 0;
    };
    const late = new Promise<never>((_, reject) => {
      const seconds = receiveTime / 1000;
      timer = setTimeout(() => {
        reject(
          new HttpError(408, `the body did not arrive within ${seconds} seconds`, closing),
        );
      }, receiveTime);
    });
    try {
      const bytes = declared <= SMALL
        ? new Uint8Array(await Promise.race([request.arrayBuffer(), late]))
        : await readAll(request, { late, hold, turns: this.#turns });
      if (held === 0) hold(bytes.length);
      return { bytes, release };
    } catch (error) {
      release();
      if (error instanceof HttpError) throw error;
      // Nobody reads the response if the client has closed the connection.
      throw new HttpError(400, "the body ended before it was complete", closing);
    } finally {
      clearTimeout(timer);
      this.#receiving--;
    }
  }

  #busy(): HttpError {
    return new HttpError(429, "the server receives too many requests; try again later", {
      "retry-after": "1",
      ...closing,
    });
  }
}

/** The size in bytes that the headers state; NaN if they state none that is binding. */
function declaredSize(headers: Headers): number {
  // A body in chunks may have any size, whatever `Content-Length` says.
  return headers.has("transfer-encoding") ? NaN : Number(headers.get("content-length") ?? NaN);
}

/** What limits the reading of a body: its time, its size, and the time of other requests. */
interface Limited {
  /** Rejected when the time is over. */
  readonly late: Promise<never>;
  /** Called with the size of each part in bytes; throws if the body is too large. */
  readonly hold: (length: number) => void;
  readonly turns: Turns;
}

/**
 * Reads a body of any size. Its parts are copied into one buffer: a client chooses how small they
 * are, and Deno reads each into 64 KiB of memory.
 */
async function readAll({ body }: Request, { late, hold, turns }: Limited): Promise<Uint8Array> {
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  let error: unknown;
  // A race between each part and the time would keep an object for each part, too.
  late.catch((reason) => {
    error = reason;
    reader.cancel(reason).catch(() => {});
  });
  let buffer = new ArrayBuffer(SMALL), length = 0;
  try {
    for (;;) {
      const turn = turns.take();
      if (turn) await turn;
      const { done, value } = await reader.read();
      if (error !== undefined) throw error;
      if (done) return new Uint8Array(buffer, 0, length);
      hold(value.length);
      const size = length + value.length;
      if (size > buffer.byteLength) buffer = buffer.transfer(Math.max(size, 2 * length));
      new Uint8Array(buffer).set(value, length);
      length = size;
    }
  } catch (reason) {
    reader.cancel(reason).catch(() => {});
    throw error ?? reason;
  }
}

const tooLarge = (most: number) =>
  new HttpError(413, `the body has more than ${most} bytes`, closing);
