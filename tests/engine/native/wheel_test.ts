import { assert, assertEquals, assertRejects } from "@std/assert";
import { TextReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { join } from "node:path";
import { filesUnder } from "../../../engine/native/files.ts";
import type { Progress } from "../../../engine/native/progress.ts";
import { wheelLibrary } from "../../../engine/native/wheel.ts";
import { UserError } from "../../../pipeline/errors.ts";
import { SCRIPTS, withEnvironment, withFolder, writeScript } from "./support.ts";

const WHEEL = { name: "tensorflow-cpu", tag: "any" };
const SILENT: Progress = { begin() {}, update() {}, end() {} };

/** Runs a function with a pip that is a shell script; the download's folder is in `$dest`. */
async function withPip(
  lines: (bin: string) => string[] | Promise<string[]>,
  body: (into: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const bin = join(folder, "bin"), into = join(folder, "into");
    await Deno.mkdir(bin);
    await Deno.mkdir(into);
    await writeScript(
      bin,
      "pip3",
      '[ "$1" = --version ] && exit 0',
      'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done',
      ...await lines(bin),
    );
    await withEnvironment({ PATH: bin }, () => body(into));
  });
}

/** Writes a zip file of texts by path. */
async function writeZip(path: string, texts: Record<string, string>): Promise<void> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const [name, text] of Object.entries(texts)) await zip.add(name, new TextReader(text));
  await Deno.writeFile(path, await zip.close());
}

Deno.test({
  name: "wheelLibrary() takes the library and headers out of what pip fetched, and keeps no more",
  ignore: !SCRIPTS,
  async fn() {
    const texts = {
      "tensorflow/libtensorflow_framework.so.2": "the framework",
      "tensorflow/libtensorflow_cc.so.2": "the C API, ".repeat(10_000),
      "tensorflow/include/tensorflow/c/eager/c_api.h": "// a header",
      "tensorflow/include/tensorflow/core/framework/tensor.h": "// another",
      "tensorflow/__init__.py": "raise SystemExit",
    };
    const parts: [string, number | undefined][] = [];
    await withPip(async (bin) => {
      await writeZip(join(bin, "some.whl"), texts);
      return [
        'echo "  Downloading some.whl (274.1 MB)"',
        `/bin/cp "${bin}/some.whl" "$dest/"`,
      ];
    }, async (into) => {
      const progress = {
        ...SILENT,
        begin: (...part: [string, number?]) => void parts.push([part[0], part[1]]),
      };
      const library = await wheelLibrary(WHEEL, into, progress);
      const [api = "", framework = ""] = library.files;
      assertEquals(library.files.length, 2);
      assertEquals(await Deno.readTextFile(api), texts["tensorflow/libtensorflow_cc.so.2"]);
      assertEquals(await Deno.readTextFile(framework), "the framework");
      assertEquals(
        (await filesUnder(into)).sort(),
        [
          join(into, "include/tensorflow/c/eager/c_api.h"),
          api,
          framework,
        ].sort(),
      );
      assertEquals(library.include, join(into, "include"));
    });
    assert(parts.some(([label, total]) => label.includes("(274 MB)") && total === 274.1));
  },
});

Deno.test({
  name: "wheelLibrary() tells an unreachable index from a package that is not there",
  ignore: !SCRIPTS,
  async fn() {
    const offline = "WARNING: Retrying (Retry(total=1)) after connection broken by " +
      "'NewConnectionError(...: Temporary failure in name resolution)'";
    const none = "ERROR: No matching distribution found for tensorflow-cpu";
    await withPip(() => [`echo "${offline}" >&2; echo "${none}" >&2; exit 1`], async (into) => {
      await assertRejects(() => wheelLibrary(WHEEL, into, SILENT), UserError, "cannot be reached");
      assertEquals(await filesUnder(into), []);
    });
    await withPip(() => [`echo "${none}" >&2; exit 1`], async (into) => {
      await assertRejects(() => wheelLibrary(WHEEL, into, SILENT), UserError, "No matching");
    });
  },
});

Deno.test({
  name: "wheelLibrary() refuses a package without the library, and a file that is cut off",
  ignore: !SCRIPTS,
  async fn() {
    await withPip(async (bin) => {
      await writeZip(join(bin, "some.whl"), { "tensorflow/__init__.py": "" });
      return [`/bin/cp "${bin}/some.whl" "$dest/"`];
    }, async (into) => {
      await assertRejects(
        () => wheelLibrary(WHEEL, into, SILENT),
        UserError,
        "holds no TensorFlow",
      );
    });
    await withPip(() => ['echo half > "$dest/some.whl"'], async (into) => {
      await assertRejects(() => wheelLibrary(WHEEL, into, SILENT), Error);
      assertEquals(await filesUnder(into), []);
    });
  },
});

Deno.test("wheelLibrary() says what to install where there is no pip", async () => {
  await withFolder(async (folder) => {
    await withEnvironment({ PATH: folder }, async () => {
      const error = await assertRejects(
        () => wheelLibrary(WHEEL, folder, SILENT),
        UserError,
        "pip",
      );
      assert(error.problems[0]?.hint?.includes("install Python"));
    });
  });
});
