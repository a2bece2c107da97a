import { assertEquals } from "@std/assert";
import { featureLine, readByProgram, readSystemFile } from "../../src/base/machine/system_file.ts";
import { machineVariables } from "../../src/launch/machine.ts";

const linux = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "readByProgram() reads the same text as a process with full permissions",
  linux,
  async () => {
    assertEquals(await readByProgram("/proc/version"), await readSystemFile("/proc/version"));
    assertEquals(await readByProgram("/proc/nothing-of-this-name"), undefined);
  },
);

Deno.test("machineVariables() contains the features of the processor", linux, async () => {
  const { ROCKET_PROCESSOR } = await machineVariables();
  assertEquals(ROCKET_PROCESSOR, featureLine(await readSystemFile("/proc/cpuinfo") ?? ""));
});
