import { respondStd } from "../support/std_packages.ts";

/** The reaction of the fake registry to requests. */
export type Answer = "module" | "error" | "silence";

/** The line that modules of {@linkcode FakeRegistry.hasStd} print. */
export const fromRegistry = "from the registry";

/** A registry on this machine with one package, `@toy/words`. */
export class FakeRegistry {
  /** The reaction to requests. */
  answer: Answer = "module";
  /**
   * Whether the registry also has `@std/assert` and `@std/cli`: the stand-ins, each with a line that
   * prints its origin.
   */
  hasStd = false;
  /** The number of requests. */
  requests = 0;
  /**
   * The number of requests for packages other than those of the standard library, which the
   * launcher requests.
   */
  otherRequests = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Whether a client waited until the silent registry gave up. */
  waitedFor = false;
  readonly #held: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #patience: ReturnType<typeof setTimeout>;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      this.requests++;
      if (!new URL(request.url).pathname.startsWith("/@std/")) this.otherRequests++;
      if (this.answer === "silence") {
        return this.#held.promise.then(() => new Response("", { status: 503 }));
      }
      if (this.answer === "error") return new Response("", { status: 500 });
      const { pathname } = new URL(request.url);
      return this.hasStd && pathname.startsWith("/@std/")
        ? respondStd(pathname, fromRegistry)
        : respond(pathname);
    });
    // Makes a test that waits fail instead of hang.
    this.#patience = setTimeout(() => {
      this.waitedFor = true;
      this.#held.resolve();
    }, 60_000);
  }

  /** The value for `JSR_URL`. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Closes all connections and stops the registry. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#patience);
    this.#held.resolve();
    await this.#server.shutdown();
  }
}

const text = `export const word: string = "the registry";\n`;

/** The three files of a package: its versions, the files of a version, and the module. */
async function respond(path: string): Promise<Response> {
  switch (path) {
    case "/@toy/words/meta.json":
      return Response.json({
        scope: "toy",
        name: "words",
        latest: "1.0.0",
        versions: { "1.0.0": {} },
      });
    case "/@toy/words/1.0.0_meta.json": {
      const bytes = new TextEncoder().encode(text);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      return Response.json({
        exports: { ".": "./mod.ts" },
        manifest: { "/mod.ts": { size: bytes.length, checksum: `sha256-${hash}` } },
      });
    }
    case "/@toy/words/1.0.0/mod.ts":
      return new Response(text, { headers: { "content-type": "text/typescript" } });
    default:
      return new Response("", { status: 404 });
  }
}
