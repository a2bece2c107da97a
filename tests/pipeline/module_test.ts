import { assertEquals } from "@std/assert";
import { join, relative } from "node:path";
import { root } from "../support/command_line.ts";

/** All TypeScript files that Rocket consists of. */
function* sources(folder: string): Iterable<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (isFile && name.endsWith(".ts")) yield path;
  }
}

Deno.test("importCustom() is the only place where Rocket imports a module that a file names", () => {
  const entries = ["cli.ts", "mod.ts", "model.ts", "plugin.ts", "testing.ts"];
  const paths = [...entries.map((name) => join(root, name))];
  for (const folder of ["src", "plugins"]) paths.push(...sources(join(root, folder)));
  const computed = paths.flatMap((path) =>
    Array.from(
      Deno.readTextFileSync(path).replaceAll(/^ *(\*|\/\/).*$/gm, "")
        .matchAll(/\bimport\((?!\s*")([^)]*)\)|new Worker\(([^)]*)/g),
      ([, name = "", thread = ""]) => `${relative(root, path)}: ${name}${thread}`,
    )
  ).sort();
  assertEquals(
    computed,
    [
      // Rocket's own packages, whose names are constants.
      "src/base/draw.ts: array",
      "src/base/draw.ts: name",
      "src/run/model/onnx_runtime.ts: onnxRuntimePackages[0]",
      "src/model/parquet_file.ts: parquetWriterPackages[0]",
      "plugins/sources/duckdb.ts: name",
      // The programs of the published launcher.
      "cli.ts: new URL(programs[program], import.meta.url",
      // The launcher, which reads no file of a user, and a script that makes documents.
      "src/launch/registry.ts: specifier",
      "src/tools/builtins.ts: new URL(file, folder",
      "src/pipeline/module.ts: url",
    ].sort(),
  );
});
