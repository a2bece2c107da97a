import { assert, assertEquals } from "@std/assert";
import { packageIn } from "../../src/launch/published.ts";
import { inFolder } from "../support/command_line.ts";

Deno.test("all processes of the published package use a lock file, with the versions that were downloaded", () =>
  inFolder(async (temporary) => {
    const rocket = await packageIn(undefined, temporary);
    const lockOf = (flags: readonly string[]) => {
      assert(!flags.includes("--no-lock"), flags.join(" "));
      const [lock, ...others] = flags.filter((flag) => flag.startsWith("--lock="));
      assertEquals(others, []);
      return lock!.slice("--lock=".length);
    };
    for (const isForeign of [false, true]) {
      const lock = isForeign ? rocket.lock : rocket.ownLock;
      const granted = await rocket.grantedFlags([], { name: "x", isForeign });
      assertEquals(lockOf(granted), lock);
      assertEquals(lockOf(await rocket.cacheFlags(isForeign, [])), lock);
    }
    assertEquals(lockOf(rocket.flags), rocket.ownLock);
  }));
