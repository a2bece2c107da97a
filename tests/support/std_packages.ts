import { join } from "node:path";
import { root } from "./command_line.ts";

/**
 * Answers as a JSR registry that has `@std/assert` and `@std/cli`: the stand-ins are in their
 * place.
 *
 * @param path The path that is asked for.
 * @param printed What the modules print when they are loaded; nothing by default.
 */
export async function respondStd(path: string, printed?: string): Promise<Response> {
  const [, name, file] = /^\/@std\/(\w+)\/(.+)$/.exec(path)!;
  const folder = join(root, "src", "launch", "compat", name!);
  const { exports } = JSON.parse(await Deno.readTextFile(join(folder, "deno.json")));
  const entries = new Set(Object.values(exports).map((entry) => String(entry).slice(2)));
  const sourceOf = async (one: string) =>
    await Deno.readTextFile(join(folder, one)) +
    (printed !== undefined && entries.has(one)
      ? `\nconsole.error(${JSON.stringify(printed)});\n`
      : "");
  if (file === "meta.json") {
    return Response.json({ scope: "std", name, latest: "1.0.0", versions: { "1.0.0": {} } });
  }
  if (file !== "1.0.0_meta.json") {
    const text = await sourceOf(file!.replace(/^1\.0\.0\//, ""));
    return new Response(text, { headers: { "content-type": "text/typescript" } });
  }
  const manifest: Record<string, unknown> = {};
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".ts")) continue;
    const bytes = new TextEncoder().encode(await sourceOf(name));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    manifest[`/${name}`] = { size: bytes.length, checksum: `sha256-${hash}` };
  }
  return Response.json({ exports, manifest });
}
