import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { canImport } from "../../src/launch/registry.ts";
import { withEnvironment, withFolder } from "../engine/native/support.ts";
import { FakeRegistry } from "./fake_registry.ts";
import { type SmallProject, withProject } from "./support.ts";

/** A module that is always available, like one in Deno's cache. */
const there = "node:path";
const missing = pathToFileURL(join(Deno.cwd(), "no", "such", "module.ts")).href;

const HOUR = 60 * 60 * 1_000;

/** Runs a function with the paths of a new cache folder and of the stored failure in it. */
async function withMemory(body: (memory: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const cache = join(folder, "cache", "rocket");
    await withEnvironment({ ROCKET_CACHE: cache }, () => body(join(cache, "jsr-did-not-answer")));
  });
}

/** Writes a stored failure with an age in milliseconds. */
async function remember(memory: string, age: number): Promise<void> {
  await Deno.mkdir(dirname(memory), { recursive: true });
  await Deno.writeTextFile(memory, "");
  const time = new Date(Date.now() - age);
  await Deno.utime(memory, time, time);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("canImport() is true if all modules can be imported, and stores nothing", async () => {
  await withMemory(async (memory) => {
    assertEquals(await canImport([there, "node:url"]), true);
    assertEquals(await canImport([]), true);
    assertEquals(await exists(memory), false);
  });
});

Deno.test("canImport() is false if one module cannot be imported, and stores this in ROCKET_CACHE", async () => {
  await withMemory(async (memory) => {
    assertEquals(await canImport([there, missing]), false);
    assertEquals(await exists(memory), true);
    // No further request is sent.
    assertEquals(await canImport([there]), false);
  });
});

Deno.test("canImport() tries again if requested, and removes the stored failure", async () => {
  await withMemory(async (memory) => {
    await remember(memory, 0);
    assertEquals(await canImport([there], { anew: true }), true);
    assertEquals(await exists(memory), false);
    assertEquals(await canImport([missing], { anew: true }), false);
    assertEquals(await exists(memory), true);
  });
});

Deno.test("canImport() stores a failure for an hour", async () => {
  await withMemory(async (memory) => {
    await remember(memory, HOUR / 2);
    assertEquals(await canImport([there]), false);
    await remember(memory, 2 * HOUR);
    assertEquals(await canImport([there]), true);
    assertEquals(await exists(memory), false);
    await remember(memory, 2 * HOUR);
    assertEquals(await canImport([missing]), false);
    const { mtime } = await Deno.stat(memory);
    assert(Date.now() - mtime!.getTime() < HOUR, "the memory is not new");
  });
});

Deno.test("canImport() ignores a failure with a time in the future, from a wrong clock", async () => {
  await withMemory(async (memory) => {
    await remember(memory, -HOUR / 2);
    assertEquals(await canImport([there]), true);
  });
});

Deno.test("canImport() tries each time if nothing can be written", async () => {
  await withMemory(async (memory) => {
    // The path of the cache folder is a file.
    await Deno.mkdir(dirname(dirname(memory)), { recursive: true });
    await Deno.writeTextFile(dirname(memory), "");
    assertEquals(await canImport([missing]), false);
    assertEquals(await canImport([there]), true);
    assertEquals(await Deno.readTextFile(dirname(memory)), "");
  });
});

/** Returns the word that a module imports from the registry or from the stand-in. */
async function word(small: SmallProject, registry: FakeRegistry, args = ["run", "show.ts"]) {
  const { code, out, err } = await small.launch(args, { environment: { JSR_URL: registry.url } });
  assertEquals([code, err], [0, ""]);
  return JSON.parse(out).word;
}

Deno.test("canImport() uses modules of the registry if it answers, and later from the cache", async () => {
  await using registry = new FakeRegistry();
  await withProject(async (small) => {
    assertEquals(await word(small, registry), "the registry");
    assertEquals(await exists(small.memory), false);
    const { requests } = registry;
    assert(requests > 0);
    registry.answer = "error";
    assertEquals(await word(small, registry), "the registry");
    assertEquals(registry.requests, requests);
  });
});

Deno.test("canImport() uses stand-ins if the registry fails, after one attempt", async () => {
  await using registry = new FakeRegistry();
  registry.answer = "error";
  await withProject(async (small) => {
    assertEquals(await word(small, registry), "the stand-in");
    assertEquals(await exists(small.memory), true);
    const { requests } = registry;
    registry.answer = "module";
    assertEquals(await word(small, registry), "the stand-in");
    assertEquals(registry.requests, requests);
    await Deno.remove(small.memory);
    assertEquals(await word(small, registry), "the registry");
  });
});

Deno.test("canImport() and the launcher do not wait for a registry that does not answer", async () => {
  await using registry = new FakeRegistry();
  registry.answer = "silence";
  await withProject(async (small) => {
    // The registry delays its answer until the test is over.
    assertEquals(await word(small, registry), "the stand-in");
    assertEquals(registry.waitedFor, false);
    assert(registry.requests > 0);
    assertEquals(await exists(small.memory), true);
  });
});
