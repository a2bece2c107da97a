import { respondStd } from "../support/std_packages.ts";

/** What the fake registry does with requests. */
export type Answer = "module" | "error" | "silence";

/** What modules of {@linkcode FakeRegistry.hasStd} print. */
export const fromRegistry = "from the registry";

/** A registry on this machine that has one package, `@toy/words`. */
export class FakeRegistry {
  /** What it does with requests. */
  answer: Answer = "module";
  /**
   * Whether it has `@std/assert` and `@std/cli` as well: the stand-ins, each with a line that says
   * where it is from.
   */
  hasStd = false;
  /** How many requests have arrived. */
  requests = 0;
  /**
   * How many of them were for other packages than those of the standard library, which the launcher
   * asks for.
   */
  otherRequests = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Whether somebody waited for it until it gave up its silence. */
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
    // So that a test that waits fails, and does not hang.
    this.#patience = setTimeout(() => {
      this.waitedFor = true;
      this.#held.resolve();
    }, 60_000);
  }

  /** What `JSR_URL` has to be. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Lets go of all requests and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#patience);
    this.#held.resolve();
    await this.#server.shutdown();
  }
}

const text = `export const word: string = "the registry";\n`;

/** The three files that make a package: its versions, a version's files, and the module. */
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
