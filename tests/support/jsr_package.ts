import { createHash } from "node:crypto";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { root } from "./command_line.ts";
import { respondStd } from "./std_packages.ts";

/**
 * A JSR registry on this machine that has Rocket as it would be published: the files that
 * `deno.json` does not exclude, with imports that name packages instead of what `deno.json` calls
 * them.
 */
export class JsrPackage implements AsyncDisposable {
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#add("");
    const manifest = Object.fromEntries(
      Array.from(this.#files, ([path, bytes]) => {
        const checksum = `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
        return [path, { size: bytes.length, checksum }];
      }),
    );
    const { name, version, exports } = config, base = `/${name}`;
    const [scope, short] = name.slice(1).split("/");
    const about: Record<string, unknown> = {
      [`${base}/meta.json`]: { scope, name: short, latest: version, versions: { [version]: {} } },
      [`${base}/${version}_meta.json`]: { exports, manifest },
    };
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
      const { pathname } = new URL(url);
      if (pathname.startsWith("/@std/")) return respondStd(pathname);
      if (about[pathname]) return Response.json(about[pathname]);
      const path = pathname.slice(`${base}/${version}`.length), bytes = this.#files.get(path);
      const type = path.endsWith(".ts") ? "text/typescript" : "application/json";
      return bytes
        ? new Response(bytes, { headers: { "content-type": type } })
        : new Response("", { status: 404 });
    });
  }

  /** What `JSR_URL` has to be. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  #add(folder: string): void {
    for (const { name, isDirectory } of Deno.readDirSync(join(root, folder))) {
      const path = `${folder}${name}`;
      if (
        name.startsWith(".") || [...config.publish.exclude, ...config.exclude].includes(`${path}/`)
      ) {
        continue;
      }
      if (isDirectory) this.#add(`${path}/`);
      else if (/\.(ts|json|yaml)$/.test(name)) this.#files.set(`/${path}`, published(path));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function published(path: string): Uint8Array<ArrayBuffer> {
  const bytes = Deno.readFileSync(join(root, path));
  if (!path.endsWith(".ts")) return bytes;
  const text = new TextDecoder().decode(bytes).replace(
    /((?:from|import)\s*\(?\s*)"([^"\n]+)"/g,
    (_, before, specifier) => `${before}"${target(specifier)}"`,
  );
  return new TextEncoder().encode(text);
}

function target(specifier: string): string {
  const found = Object.entries(config.imports).find(([name]) =>
    specifier === name || specifier.startsWith(name.endsWith("/") ? name : `${name}/`)
  );
  if (!found) return specifier;
  const [name, to] = found, rest = specifier.slice(name.length);
  return rest === "" || name.endsWith("/") ? to + rest : to.replace(/^(npm|jsr):/, "$1:/") + rest;
}
