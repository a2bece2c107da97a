import { assert, assertEquals, assertRejects } from "@std/assert";
import { TextReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { filesUnder } from "../../../src/engine/native/files.ts";
import type { Progress } from "../../../src/engine/native/progress.ts";
import { unpackWheel, type Wheel, wheelLibrary } from "../../../src/engine/native/wheel.ts";
import { UserError } from "../../../src/base/errors.ts";
import { inFolder } from "../../support/command_line.ts";
import { SCRIPTS, withEnvironment, withFolder, writeScript } from "./support.ts";

const WHEEL = { name: "tensorflow-cpu", tag: "any", sha256: "0".repeat(64) };

/** The wheel that the pip of a test copies, with the hash that its file has. */
async function published(into: string): Promise<Wheel> {
  const bytes = await Deno.readFile(join(into, "..", "bin", "some.whl"));
  return { ...WHEEL, sha256: createHash("sha256").update(bytes).digest("hex") };
}

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
  name: "wheelLibrary() extracts the library and headers from pip's download, and nothing else",
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
      const library = await wheelLibrary(await published(into), into, progress);
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
  name: "wheelLibrary() distinguishes an unreachable index from a missing package",
  ignore: !SCRIPTS,
  async fn() {
    const offline = "WARNING: Retrying (Retry(total=1)) after connection broken by " +
      "'NewConnectionError(...: Temporary failure in name resolution)'";
    const none = "ERROR: No matching distribution found for tensorflow-cpu";
    await withPip(() => [`echo "${offline}" >&2; echo "${none}" >&2; exit 1`], async (into) => {
      await assertRejects(
        () => wheelLibrary(WHEEL, into, SILENT),
        UserError,
        "cannot reach the package index",
      );
      assertEquals(await filesUnder(into), []);
    });
    await withPip(() => [`echo "${none}" >&2; exit 1`], async (into) => {
      await assertRejects(() => wheelLibrary(WHEEL, into, SILENT), UserError, "No matching");
    });
  },
});

Deno.test({
  name: "wheelLibrary() rejects a package without the library, and a file that is cut off",
  ignore: !SCRIPTS,
  async fn() {
    await withPip(async (bin) => {
      await writeZip(join(bin, "some.whl"), { "tensorflow/__init__.py": "" });
      return [`/bin/cp "${bin}/some.whl" "$dest/"`];
    }, async (into) => {
      const wheel = await published(into);
      await assertRejects(
        () => wheelLibrary(wheel, into, SILENT),
        UserError,
        "contains no TensorFlow library",
      );
    });
    await withPip(() => ['echo half > "$dest/some.whl"'], async (into) => {
      await assertRejects(() => wheelLibrary(WHEEL, into, SILENT), Error);
      assertEquals(await filesUnder(into), []);
    });
  },
});

Deno.test("wheelLibrary() names what to install if pip is missing", async () => {
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

Deno.test({
  name: "wheelLibrary() rejects and removes a package with a wrong hash",
  ignore: !SCRIPTS,
  async fn() {
    await withPip(async (bin) => {
      await writeZip(join(bin, "some.whl"), { "tensorflow/libtensorflow_cc.so.2": "not it" });
      return [`/bin/cp "${bin}/some.whl" "$dest/"`];
    }, async (into) => {
      const refused = () => wheelLibrary(WHEEL, into, SILENT);
      await assertRejects(refused, UserError, "not the published one");
      assertEquals(await filesUnder(into), []);
    });
  },
});

/** What is left of unpacking a wheel with these entries: the failure, and the files. */
async function unpacked(
  texts: Record<string, string>,
  change: (bytes: Uint8Array) => void = () => {},
): Promise<{ error: string; files: string[] }> {
  return await inFolder(async (folder) => {
    const into = join(folder, "a", "b", "into"), wheel = join(folder, "some.whl");
    await Deno.mkdir(into, { recursive: true });
    await writeZip(wheel, texts);
    const bytes = await Deno.readFile(wheel);
    change(bytes);
    await Deno.writeFile(wheel, bytes);
    const error = await unpackWheel(wheel, into, SILENT).then(() => "", (error) => `${error}`);
    const files = (await filesUnder(folder)).filter((path) => path !== wheel);
    return { error, files: files.map((path) => path.slice(folder.length + 1)) };
  });
}

Deno.test("unpackWheel() writes nothing outside of its folder", async () => {
  const header = "tensorflow/include/tensorflow/c";
  for (const name of [`${header}/../../../../x.h`, `${header}/../../../../../../x.h`]) {
    const { error, files } = await unpacked({ [name]: "x" });
    assert(/leads out of|absolute|filename/i.test(error), error);
    assertEquals(files, []);
  }
  // Neither these: they are none of the library's files.
  for (const name of ["../libtensorflow_cc.so.2", "/libtensorflow_cc.so.2", "/tmp/x.h"]) {
    const { error, files } = await unpacked({ [name]: "x" });
    assert(error !== "", name);
    assertEquals(files, []);
  }
});

Deno.test("unpackWheel() writes link entries as regular files", async () => {
  const name = "tensorflow/libtensorflow_cc.so.2";
  await withFolder(async (folder) => {
    const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
    // A link in the words of zip: its mode is that of a link, its content the target.
    await zip.add(name, new TextReader("/etc/passwd"), {
      externalFileAttributes: (0o120777 << 16) >>> 0,
    });
    await Deno.writeFile(join(folder, "some.whl"), await zip.close());
    const into = join(folder, "into");
    await Deno.mkdir(into);
    await unpackWheel(join(folder, "some.whl"), into, SILENT);
    assertEquals((await Deno.lstat(join(into, "libtensorflow_cc.so.2"))).isSymlink, false);
    assertEquals(await Deno.readTextFile(join(into, "libtensorflow_cc.so.2")), "/etc/passwd");
  });
});

Deno.test("unpackWheel() rejects impossible sizes, and content that exceeds its declared size", async () => {
  const name = "tensorflow/libtensorflow_cc.so.2";
  const say = (size: number) => (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 46 < bytes.length; at++) {
      // The central directory's entry of a file.
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, size, true);
    }
  };
  const content = "0".repeat(2 ** 20);
  const huge = await unpacked({ [name]: content, [`${name}.2`]: content }, say(0xfffffff0));
  assert(/more than any version of TensorFlow needs/.test(huge.error), huge.error);
  assertEquals(huge.files, []);
  const small = await unpacked({ [name]: content }, say(1000));
  assert(/longer than|size/i.test(small.error), small.error);
});
