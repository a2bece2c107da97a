import { HttpError } from "./http_error.ts";
import type { ServeLimits } from "./limits.ts";

/** Up to this size in bytes, a response is sent at once. It fits in the buffers of the connection. */
const SMALL = 2 ** 16;

/** The body of a response, and its headers. */
export interface ResponseParts {
  /** The body. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** The headers. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Sends responses in parts, so that the server knows how much of them clients have not read yet. A
 * client that reads nothing would otherwise keep its responses in memory forever.
 */
export class UnsentResponses {
  readonly #limits: Pick<ServeLimits, "unsentBytes" | "sendTime">;
  /** The size in bytes of all responses that are not sent completely. */
  #held = 0;

  /**
   * Creates a sender.
   *
   * @param limits The limits.
   */
  constructor(limits: Pick<ServeLimits, "unsentBytes" | "sendTime">) {
    this.#limits = limits;
  }

  /**
   * Creates a response. If the client does not read it in time, the connection is closed.
   *
   * @param parts The body and the headers.
   * @throws {HttpError} If the responses that others have not read yet take too much memory.
   */
  respond({ body, headers }: ResponseParts): Response {
    if (body.length <= SMALL) return new Response(body, { headers });
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const { unsentBytes, sendTime } = this.#limits;
    if (this.#held > 0 && this.#held + bytes.length > unsentBytes) {
      throw new HttpError(429, "clients have not read the answers to earlier requests", {
        "retry-after": "1",
      });
    }
    this.#held += bytes.length;
    let at = 0, isHeld = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = () => {
      clearTimeout(timer);
      if (isHeld) this.#held -= bytes.length;
      isHeld = false;
    };
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        // The client sees that the response is shorter than declared.
        timer = setTimeout(() => {
          end();
          controller.close();
        }, sendTime);
      },
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.subarray(at, at += SMALL));
        if (at < bytes.length) return;
        end();
        controller.close();
      },
      cancel: end,
    }, { highWaterMark: 0 });
    return new Response(stream, {
      headers: { ...headers, "content-length": String(bytes.length) },
    });
  }
}
