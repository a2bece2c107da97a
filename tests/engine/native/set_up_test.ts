import { assert, assertEquals, assertRejects } from "@std/assert";
import { basename, join } from "node:path";
import type { Progress } from "../../../src/engine/native/progress.ts";
import type { Made, Recipe } from "../../../src/engine/native/recipes.ts";
import { setUpNative, type SetUpOptions } from "../../../src/engine/native/set_up.ts";
import { PLATFORM, TENSORFLOW_VERSION, TFJS_VERSION } from "../../../src/engine/native/versions.ts";
import { UserError } from "../../../src/base/errors.ts";
import { SCRIPTS, userBuild, withEnvironment, withFolder, writeScript } from "./support.ts";

const SILENT: Progress = { begin() {}, update() {}, end() {} };
const FOLDER = `native-${TFJS_VERSION}-${TENSORFLOW_VERSION}-${PLATFORM}`;

/** A recipe that writes small files, and counts. */
function countingRecipe(): Recipe & { count: number } {
  return {
    origin: "wheel",
    count: 0,
    async make(folder): Promise<Made> {
      this.count++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      await Deno.writeTextFile(join(folder, "tfjs_binding.node"), `addon ${this.count}`);
      await Deno.writeTextFile(join(folder, "libtensorflow_cc.so.2"), "library");
      return {
        addon: join(folder, "tfjs_binding.node"),
        library: join(folder, "libtensorflow_cc.so.2"),
      };
    },
  };
}

function failingRecipe(message: string, hint?: string): Recipe & { count: number } {
  return {
    origin: "wheel",
    count: 0,
    make() {
      this.count++;
      return Promise.reject(new UserError(message, hint === undefined ? {} : { hint }));
    },
  };
}

/** Runs a function with an empty cache and options that build nothing real. */
async function withCache(
  body: (options: SetUpOptions & { cache: string }) => Promise<void>,
): Promise<void> {
  await withFolder((cache) =>
    withEnvironment({ ROCKET_TENSORFLOW: undefined }, () =>
      body({
        cache,
        report: () => {},
        progress: SILENT,
        tryAddon: () => Promise.resolve(TENSORFLOW_VERSION),
      }))
  );
}

const names = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test("setUpNative() builds once and finds the build again", async () => {
  await withCache(async (options) => {
    const recipe = countingRecipe();
    const made = await setUpNative({ ...options, recipes: [recipe] });
    assertEquals(basename(made.folder), FOLDER);
    assertEquals(made.library, join(made.folder, "libtensorflow_cc.so.2"));
    assertEquals(await setUpNative({ ...options, recipes: [recipe] }), made);
    assertEquals(recipe.count, 1);
    assertEquals(names(options.cache), [FOLDER, "native.lock"]);
  });
});

Deno.test("setUpNative() builds once for runs that start at the same time", async () => {
  await withCache(async (options) => {
    const recipe = countingRecipe();
    const lines: string[] = [];
    const builds = await Promise.all(
      [1, 2, 3].map(() =>
        setUpNative({ ...options, recipes: [recipe], report: (line) => void lines.push(line) })
      ),
    );
    assertEquals(recipe.count, 1);
    assertEquals(new Set(builds.map(({ made }) => made)).size, 1);
    assertEquals(lines.length, 2);
    assert(lines.every((line) => line.includes("waiting for another run")));
  });
});

Deno.test("setUpNative() ignores an incomplete build and removes it", async () => {
  await withCache(async (options) => {
    const recipe = countingRecipe();
    const half = join(options.cache, FOLDER), dead = join(options.cache, "native-1a2b.building");
    for (const folder of [half, dead]) {
      await Deno.mkdir(folder);
      await Deno.writeTextFile(join(folder, "tfjs_binding.node"), "half");
    }
    const { folder } = await setUpNative({ ...options, recipes: [recipe] });
    assertEquals([folder, recipe.count], [half, 1]);
    assertEquals(await Deno.readTextFile(join(folder, "tfjs_binding.node")), "addon 1");
    assertEquals(names(options.cache), [FOLDER, "native.lock"]);

    await Deno.truncate(join(folder, "libtensorflow_cc.so.2"), 3);
    await setUpNative({ ...options, recipes: [recipe] });
    assertEquals(recipe.count, 2);
    await Deno.writeTextFile(join(folder, "build.json"), '{ "tfjs": ');
    await setUpNative({ ...options, recipes: [recipe] });
    assertEquals(recipe.count, 3);
    await setUpNative({ ...options, recipes: [recipe] });
    assertEquals(recipe.count, 3);
  });
});

Deno.test("setUpNative() rejects a changed addon, and links in place of an addon or its folder", async () => {
  await withCache(async (options) => {
    const recipe = countingRecipe();
    const { folder } = await setUpNative({ ...options, recipes: [recipe] });
    const addon = join(folder, "tfjs_binding.node");
    await Deno.writeTextFile(addon, "hostile");
    await setUpNative({ ...options, recipes: [recipe] });
    assertEquals([recipe.count, await Deno.readTextFile(addon)], [2, "addon 2"]);
    if (Deno.build.os === "windows") return;
    await withFolder(async (elsewhere) => {
      const moved = join(elsewhere, "moved");
      await Deno.rename(addon, moved);
      await Deno.symlink(moved, addon);
      await setUpNative({ ...options, recipes: [recipe] });
      assertEquals(recipe.count, 3);
      const other = join(elsewhere, "build");
      await Deno.rename(folder, other);
      await Deno.symlink(other, folder);
      await setUpNative({ ...options, recipes: [recipe] });
      assertEquals([recipe.count, (await Deno.lstat(folder)).isDirectory], [4, true]);
    });
  });
});

Deno.test("setUpNative() rejects a cache that others may write to or that belongs to another user", async () => {
  if (Deno.build.os === "windows") return;
  await withCache(async (options) => {
    const recipe = countingRecipe();
    await Deno.chmod(options.cache, 0o777);
    const refused = (words: string) =>
      assertRejects(() => setUpNative({ ...options, recipes: [recipe] }), UserError, words);
    await refused("all users may write to the cache folder");
    await Deno.chmod(options.cache, 0o755);
    // Only who is root can give a folder away.
    if (Deno.uid() === 0) {
      await Deno.chown(options.cache, 12345, 12345);
      await refused("belongs to another user");
      await Deno.chown(options.cache, 0, 0);
    }
    await setUpNative({ ...options, recipes: [recipe] });
    assertEquals(recipe.count, 1);
  });
});

Deno.test("setUpNative() rejects a build whose files others may change, and makes none, whatever umask is", async () => {
  if (Deno.build.os === "windows") return;
  await withCache(async (options) => {
    const recipe = countingRecipe();
    const before = Deno.umask(0o000);
    try {
      const { folder } = await setUpNative({ ...options, recipes: [recipe] });
      const paths = [folder, join(folder, "build.json"), join(folder, "tfjs_binding.node")];
      for (const path of paths) assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o002, 0, path);
      for (const [index, path] of paths.entries()) {
        await Deno.chmod(path, 0o777);
        await setUpNative({ ...options, recipes: [recipe] });
        assertEquals(recipe.count, index + 2, path);
      }
      if (Deno.uid() === 0) {
        await Deno.chown(paths[2]!, 12345, 12345);
        await setUpNative({ ...options, recipes: [recipe] });
        assertEquals(recipe.count, 5);
      }
    } finally {
      Deno.umask(before);
    }
  });
});

Deno.test("setUpNative() rebuilds when forced, and keeps the old build if that fails", async () => {
  await withCache(async (options) => {
    const recipe = countingRecipe();
    await setUpNative({ ...options, recipes: [recipe] });
    const { folder } = await setUpNative({ ...options, recipes: [recipe], force: true });
    assertEquals(recipe.count, 2);
    assertEquals(await Deno.readTextFile(join(folder, "tfjs_binding.node")), "addon 2");
    const failing = setUpNative({ ...options, recipes: [failingRecipe("no")], force: true });
    await assertRejects(() => failing, UserError, "no");
    await setUpNative({ ...options, recipes: [recipe] });
    assertEquals(recipe.count, 2);
  });
});

Deno.test("setUpNative() tries the next recipe, and removes the files of the failed one", async () => {
  await withCache(async (options) => {
    const nothing: Recipe = { origin: "system", make: () => Promise.resolve(undefined) };
    const halfway: Recipe = {
      origin: "wheel",
      async make(folder) {
        await Deno.writeTextFile(join(folder, "left over"), "");
        throw new Error("the disk is full");
      },
    };
    const works: Recipe = { ...countingRecipe(), origin: "installer" };
    const build = await setUpNative({ ...options, recipes: [nothing, halfway, works] });
    assertEquals(build.origin, "installer");
    assertEquals(names(options.cache), [FOLDER, "native.lock"]);
    assertEquals(names(build.folder), ["build.json", "libtensorflow_cc.so.2", "tfjs_binding.node"]);
  });
});

Deno.test("setUpNative() does not keep an addon that fails its test", async () => {
  await withCache(async (options) => {
    const tryAddon = () => Promise.reject(new UserError("SIGILL"));
    const failing = setUpNative({ ...options, tryAddon, recipes: [countingRecipe()] });
    await assertRejects(() => failing, UserError, "SIGILL");
    assertEquals(names(options.cache), ["native-failure.json", "native.lock"]);
  });
});

Deno.test("setUpNative() reports the errors of all recipes, with the first hint", async () => {
  await withCache(async (options) => {
    const recipes = [failingRecipe("no compiler", "install one"), failingRecipe("no network")];
    const error = await assertRejects(() => setUpNative({ ...options, recipes }), UserError);
    assertEquals(error.message, "no compiler; no network");
    assertEquals(error.problems[0]?.hint, "install one");
  });
});

Deno.test("setUpNative() does not repeat a failure until its conditions change", async () => {
  await withCache(async (options) => {
    const recipe = failingRecipe("no network", "connect");
    const run = (more: Partial<SetUpOptions> = {}) =>
      assertRejects(
        () => setUpNative({ ...options, recipes: [recipe], ...more }),
        UserError,
        "no network",
      );
    await run();
    const error = await run();
    assertEquals(recipe.count, 1);
    assert(error.problems[0]?.hint?.startsWith("connect; Rocket tries again after a day"));
    await run({ retry: true });
    assertEquals(recipe.count, 2);
    await withEnvironment({ CXX: "another-compiler" }, async () => void await run());
    assertEquals(recipe.count, 3);

    const file = join(options.cache, "native-failure.json");
    const failure = JSON.parse(await Deno.readTextFile(file));
    failure.time -= 25 * 60 * 60 * 1000;
    await Deno.writeTextFile(file, JSON.stringify(failure));
    await run();
    assertEquals(recipe.count, 4);

    await setUpNative({ ...options, recipes: [countingRecipe()], retry: true });
    assertEquals(names(options.cache), [FOLDER, "native.lock"]);
  });
});

Deno.test("setUpNative() keeps separate builds for different ROCKET_TENSORFLOW folders", async () => {
  await withCache(async (options) => {
    const recipe = countingRecipe();
    const own = await setUpNative({ ...options, recipes: [recipe] });
    await withEnvironment({ ROCKET_TENSORFLOW: join(options.cache, "tensorflow") }, async () => {
      const named = await setUpNative({ ...options, recipes: [{ ...recipe, origin: "given" }] });
      assert(named.folder !== own.folder);
      assertEquals(named.given, join(options.cache, "tensorflow"));
    });
    assertEquals((await setUpNative({ ...options, recipes: [recipe] })).folder, own.folder);
  });
});

Deno.test("setUpNative() reports that the folder of ROCKET_TENSORFLOW does not exist", async () => {
  await withCache(async ({ cache, report, progress }) => {
    const nowhere = join(cache, "nowhere");
    await withEnvironment({ ROCKET_TENSORFLOW: nowhere }, async () => {
      const options = { cache, report, ...progress ? { progress } : {} };
      await assertRejects(() => setUpNative(options), UserError, `ROCKET_TENSORFLOW is ${nowhere}`);
    });
  });
});

Deno.test({
  name: "setUpNative() builds for the library in a named folder, which stays there",
  ignore: !SCRIPTS,
  async fn() {
    const user = await userBuild();
    if (user === undefined) return;
    await withCache(async ({ cache }) => {
      // Stands in for the compiler, which takes long: it puts the addon where it is told to.
      const compiler = await writeScript(
        cache,
        "compiler",
        'while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done',
        `/bin/cp "${join(user.folder, user.addon)}" "$out"`,
      );
      await withEnvironment({ ROCKET_TENSORFLOW: user.folder, CXX: compiler }, async () => {
        const lines: string[] = [];
        const build = await setUpNative({ cache, report: (line) => void lines.push(line) });
        assertEquals(build.tensorflow, user.tensorflow);
        assertEquals([build.origin, build.compiler], ["given", compiler]);
        assertEquals(build.library, user.library);
        const link = join(build.folder, basename(user.library));
        assertEquals(await Deno.realPath(link), await Deno.realPath(user.library));
      });
    });
  },
});

Deno.test({
  name: "setUpNative() includes the compiler's message",
  ignore: !SCRIPTS,
  async fn() {
    const user = await userBuild();
    if (user === undefined) return;
    await withCache(async ({ cache, report }) => {
      const compiler = await writeScript(cache, "cxx", "echo 'a.cc:1: fatal error: x' >&2; exit 1");
      await withEnvironment({ ROCKET_TENSORFLOW: user.folder, CXX: compiler }, async () => {
        const error = await assertRejects(() => setUpNative({ cache, report }), UserError);
        assertEquals(
          error.message,
          "the C++ compiler cxx cannot compile tfjs-node's addon: a.cc:1: fatal error: x",
        );
      });
    });
  },
});
