import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "node:path";
import { givenLibrary, isNeeded, linkLibrary } from "../../../src/engine/native/library.ts";
import { UserError } from "../../../src/base/errors.ts";
import { withFolder } from "./support.ts";

const ignore = Deno.build.os !== "linux";

async function touch(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, "");
  }
}

Deno.test({
  name: "givenLibrary() finds a release of the C library, and the Python package's",
  ignore,
  async fn() {
    await withFolder(async (folder) => {
      const release = join(folder, "release"), site = join(folder, "site-packages");
      const header = join("include", "tensorflow", "c", "eager", "c_api.h");
      await touch(
        join(release, "lib", "libtensorflow.so.2"),
        join(release, "lib", "libtensorflow_framework.so.2"),
        join(release, header),
        join(site, "tensorflow", "libtensorflow_cc.so.2"),
        join(site, "tensorflow", "libtensorflow_framework.so.2"),
        join(site, "tensorflow", header),
      );
      const expected = {
        files: ["libtensorflow.so.2", "libtensorflow_framework.so.2"]
          .map((name) => join(release, "lib", name)),
        include: join(release, "include"),
      };
      assertEquals(await givenLibrary(release), expected);
      assertEquals(await givenLibrary(join(release, "lib")), expected);
      const inPackage = {
        files: ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]
          .map((name) => join(site, "tensorflow", name)),
        include: join(site, "tensorflow", "include"),
      };
      assertEquals(await givenLibrary(site), inPackage);
      assertEquals(await givenLibrary(join(site, "tensorflow")), inPackage);
    });
  },
});

Deno.test({
  name: "givenLibrary() reports whether the library or its headers are missing",
  ignore,
  async fn() {
    await withFolder(async (folder) => {
      const missing = join(folder, "nowhere");
      await assertRejects(
        () => givenLibrary(missing),
        UserError,
        `${missing}, but libtensorflow.so.2`,
      );
      await touch(join(folder, "libtensorflow.so.2"));
      await assertRejects(() => givenLibrary(folder), UserError, "not its headers");
    });
  },
});

Deno.test("isNeeded() keeps the libraries and the C API's headers, and not the rest", () => {
  const needed = [
    "libtensorflow_cc.so.2",
    "libtensorflow_framework.2.dylib",
    "include/tensorflow/c/c_api.h",
    "include/tensorflow/c/eager/c_api.h",
    "include/tensorflow/core/platform/ctstring_internal.h",
    "include/tsl/platform/ctstring.h",
    "include/xla/tsl/c/tsl_status.h",
  ];
  const rest = [
    "python/lib_pywrap_tensorflow_common.so",
    "lite/libtensorflow_cc.so.2",
    "include/tensorflow/core/framework/tensor.h",
    "include/tensorflow/cc/ops/math_ops.h",
    "include/tensorflow/c/README.md",
  ];
  assertEquals(needed.filter((path) => !isNeeded(path)), []);
  assertEquals(rest.filter(isNeeded), []);
});

Deno.test({
  name: "linkLibrary() leaves the library where it is",
  ignore,
  async fn() {
    await withFolder(async (folder) => {
      const file = join(folder, "lib", "libtensorflow.so.2"), place = join(folder, "place");
      await touch(file);
      await Deno.mkdir(place);
      const linked = await linkLibrary({ files: [file], include: "/include" }, place);
      assertEquals(linked, { files: [join(place, "libtensorflow.so.2")], include: "/include" });
      assertEquals(await Deno.realPath(join(place, "libtensorflow.so.2")), file);
    });
  },
});
