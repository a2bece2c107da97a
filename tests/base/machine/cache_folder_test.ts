import { assert, assertEquals } from "@std/assert";
import { isAbsolute, join, resolve } from "node:path";
import { cacheFolder } from "../../../src/base/machine/cache_folder.ts";
import { withEnvironment } from "../../engine/native/support.ts";

Deno.test("cacheFolder() returns the value of ROCKET_CACHE", async () => {
  await withEnvironment({ ROCKET_CACHE: "some/place", XDG_CACHE_HOME: "/elsewhere" }, () => {
    assertEquals(cacheFolder(), resolve("some/place"));
    return Promise.resolve();
  });
});

Deno.test({
  name: "cacheFolder() uses XDG_CACHE_HOME, or the home folder without it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withEnvironment({ ROCKET_CACHE: undefined, XDG_CACHE_HOME: "/xdg" }, () => {
      assertEquals(cacheFolder(), "/xdg/rocket-launching");
      return Promise.resolve();
    });
    await withEnvironment(
      { ROCKET_CACHE: undefined, XDG_CACHE_HOME: undefined, HOME: "/home/someone" },
      () => {
        assertEquals(cacheFolder(), join("/home/someone", ".cache", "rocket-launching"));
        return Promise.resolve();
      },
    );
  },
});

Deno.test("cacheFolder() is absolute on every platform", async () => {
  await withEnvironment({ ROCKET_CACHE: undefined, XDG_CACHE_HOME: undefined }, () => {
    assert(isAbsolute(cacheFolder()));
    return Promise.resolve();
  });
});
