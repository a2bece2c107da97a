import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { tarOf } from "../support/tar.ts";

/**
 * An npm registry on this machine. It has the given packages and records all requests.
 */
export class FakeNpm implements AsyncDisposable {
  /** The paths of all requests. */
  readonly requests: string[] = [];
  /** Whether the registry answers. */
  isThere = true;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /**
   * @param packages The module of each package, by its name; each has the version 1.0.0.
   */
  constructor(packages: Readonly<Record<string, string>> = {}) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const path = decodeURIComponent(new URL(request.url).pathname).slice(1);
      this.requests.push(path);
      if (!this.isThere) return new Response("", { status: 503 });
      const name = path.replace(/\/-\/.*/, "");
      const code = packages[name];
      if (code === undefined) return new Response("", { status: 404 });
      const tarball = tarballOf(name, code);
      return path !== name ? new Response(tarball) : Response.json(this.#about(name, tarball));
    });
  }

  #about(name: string, tarball: Uint8Array): unknown {
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const dist = { tarball: `${this.url}${name}/-/1.0.0.tgz`, integrity };
    const versions = { "1.0.0": { name, version: "1.0.0", dist } };
    return { name, "dist-tags": { latest: "1.0.0" }, versions };
  }

  /** The address of the registry. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function tarballOf(name: string, code: string): Uint8Array<ArrayBuffer> {
  const about = { name, version: "1.0.0", type: "module", exports: "./index.js" };
  const bytes = (text: string) => new TextEncoder().encode(text);
  return new Uint8Array(gzipSync(tarOf({
    "package/package.json": bytes(JSON.stringify(about)),
    "package/index.js": bytes(code),
  })));
}
