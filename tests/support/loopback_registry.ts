import { createHash } from "node:crypto";
import { join } from "node:path";
import { readTar } from "../../data/tar.ts";
import { denoFolder } from "../../src/base/machine/deno_folder.ts";
import { root } from "./command_line.ts";

/** A version of a package, as the registry serves it. */
export interface PublishedVersion {
  /** The files by their paths, which start with `/`. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** The size of the archive that was uploaded, in bytes. */
  readonly uploaded: number;
  /** The entry points, such as `{ ".": "./mod.ts" }`. */
  readonly exports: Readonly<Record<string, string>>;
}

/** How {@linkcode LoopbackRegistry.publish} publishes. */
export interface PublishOptions {
  /** The version, instead of the one in `deno.json`. */
  readonly version?: string;
  /** More arguments for `deno publish`. */
  readonly args?: readonly string[];
}

/** The folders of the packages that stand for those of other people. */
const STAND_INS = ["cli", "assert"].map((name) => join(root, "src", "launch", "compat", name));

/**
 * A JSR registry on this machine: packages are published to it with `deno publish`, and Deno
 * imports them from it if `JSR_URL` is {@linkcode url}. It also has `@std/cli` and `@std/assert`,
 * which the stand-ins in `src/launch/compat/` replace.
 *
 * @example
 * ```ts ignore
 * await using registry = new LoopbackRegistry();
 * await registry.publish(root);
 * const env = { ...userEnvironment(), ...registry.environment };
 * await deno(["run", "-A", "jsr:@rocket-launching/rocket/cli", "list"], { cwd, env });
 * ```
 */
export class LoopbackRegistry implements AsyncDisposable {
  readonly #packages = new Map<string, Map<string, PublishedVersion>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #cache: string;

  constructor() {
    // Modules of this registry must not get into the cache of the tests, but packages of npm may.
    this.#cache = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rocket-registry-" }));
    const npm = join(denoFolder(), "npm");
    Deno.mkdirSync(npm, { recursive: true });
    Deno.symlinkSync(npm, join(this.#cache, "npm"));
    for (const folder of STAND_INS) this.#addFolder(folder);
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  /** The value for `JSR_URL`. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** The environment variables of processes that use this registry, with caches of their own. */
  get environment(): { readonly [name in "JSR_URL" | "DENO_DIR" | "ROCKET_CACHE"]: string } {
    return { JSR_URL: this.url, DENO_DIR: this.#cache, ROCKET_CACHE: join(this.#cache, "rocket") };
  }

  /**
   * Publishes a package as its author does, with `deno publish`, but without checking its types.
   *
   * @param folder The package's folder.
   * @param options The version, and more arguments.
   * @returns What was uploaded.
   */
  async publish(
    folder: string,
    { version, args = [] }: PublishOptions = {},
  ): Promise<PublishedVersion> {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["publish", "--token", "t", "--no-provenance", "--allow-dirty", "--no-check"],
        ...["--quiet", ...version === undefined ? [] : ["--set-version", version], ...args],
      ],
      cwd: folder,
      env: { NO_COLOR: "1", ...this.environment },
      stdin: "null",
    }).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
    const config = JSON.parse(await Deno.readTextFile(join(folder, "deno.json")));
    return this.version(config.name, version ?? config.version);
  }

  /**
   * Returns a version of a package.
   *
   * @param name The package's name, such as `@scope/name`.
   * @param version The version.
   */
  version(name: string, version: string): PublishedVersion {
    const published = this.#packages.get(name)?.get(version);
    if (!published) throw new Error(`${name}@${version} was not published`);
    return published;
  }

  /** Serves the modules in a folder as they are, as the first version of a package. */
  #addFolder(folder: string): void {
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (isFile) files.set(`/${name}`, Deno.readFileSync(join(folder, name)));
    }
    const { name, exports } = configOf(files);
    this.#packages.set(name, new Map([["1.0.0", { files, uploaded: 0, exports }]]));
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, scope, name, version] =
      /^\/api\/scopes\/([^/]+)\/packages\/([^/]+)(?:\/versions\/([^/]+))?$/.exec(pathname) ?? [];
    if (scope === undefined || name === undefined) return this.#file(pathname);
    const full = `@${scope}/${name}`;
    if (version === undefined) return Response.json({ scope, name });
    if (request.method !== "POST") {
      return this.#packages.get(full)?.has(version) ? Response.json({ scope, version }) : missing();
    }
    const published = await unpacked(request);
    const versions = this.#packages.get(full) ?? new Map();
    this.#packages.set(full, versions.set(version, published));
    return Response.json({ id: "1", status: "success", error: null });
  }

  /** Answers requests for the versions of a package, a manifest, or a file. */
  #file(pathname: string): Response {
    const [, full, rest] = /^\/(@[^/]+\/[^/]+)\/(.+)$/.exec(pathname) ?? [];
    const versions = full === undefined ? undefined : this.#packages.get(full);
    if (!versions || rest === undefined) return missing();
    if (rest === "meta.json") {
      const [scope, name] = full!.slice(1).split("/");
      const all = Object.fromEntries([...versions.keys()].map((version) => [version, {}]));
      return Response.json({ scope, name, latest: [...versions.keys()].at(-1), versions: all });
    }
    const manifestOf = /^([^/]+)_meta\.json$/.exec(rest)?.[1];
    if (manifestOf !== undefined) {
      const version = versions.get(manifestOf);
      return version ? Response.json(manifest(version)) : missing();
    }
    const [version, ...path] = rest.split("/");
    const bytes = versions.get(version!)?.files.get(`/${path.join("/")}`);
    if (!bytes) return missing();
    return new Response(bytes, { headers: { "content-type": typeOf(pathname) } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.#cache, { recursive: true });
  }
}

function missing(): Response {
  return Response.json({ code: "notFound", message: "not found" }, { status: 404 });
}

function manifest({ files, exports }: PublishedVersion): Record<string, unknown> {
  const entries = Array.from(files, ([path, bytes]) => {
    const checksum = `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
    return [path, { size: bytes.length, checksum }] as const;
  });
  return { exports, manifest: Object.fromEntries(entries) };
}

/** The types with which a registry serves files; Deno determines the language of a module by it. */
function typeOf(path: string): string {
  if (path.endsWith(".ts")) return "text/typescript";
  if (path.endsWith(".js")) return "text/javascript";
  return path.endsWith(".json") ? "application/json" : "text/plain";
}

/** Reads the archive that `deno publish` uploads. */
async function unpacked(request: Request): Promise<PublishedVersion> {
  const packed = await request.bytes();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [path, bytes] of readTar(await new Response(stream).bytes(), "the archive")) {
    files.set(`/${path.replace(/^\.?\//, "")}`, bytes.slice());
  }
  return { files, uploaded: packed.length, exports: configOf(files).exports };
}

function configOf(
  files: ReadonlyMap<string, Uint8Array>,
): { readonly name: string; readonly exports: Record<string, string> } {
  const { name, exports } = JSON.parse(new TextDecoder().decode(files.get("/deno.json")));
  return { name, exports: typeof exports === "string" ? { ".": exports } : exports };
}
