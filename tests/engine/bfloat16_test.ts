import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { choosePrecision, lacksBfloat16, thisMachine } from "../../src/engine/bfloat16.ts";

/** Parts of `/proc/cpuinfo` as machines print it. */
const texts = {
  "Sapphire Rapids": `processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8481C
flags\t\t: fpu vme sse4_2 avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 avx512_fp16 amx_tile amx_int8
bugs\t\t: spectre_v1
`,
  "Zen 4": `vendor_id\t: AuthenticAMD
flags\t\t: fpu vme avx512vl avx512_bf16 clzero
`,
  "Skylake": `model name\t: Intel(R) Xeon(R) Gold 6148
flags\t\t: fpu vme avx2 avx512f avx512vl
vmx flags\t: vnmi
`,
  "Graviton 3": `processor\t: 0
Features\t: fp asimd sha512 sve asimdfhm i8mm bf16 dgh rng
`,
  "Graviton 2": `processor\t: 0
Features\t: fp asimd evtstrm crc32 asimddp ssbs
`,
} as const;

function lacks(arch: string, name: keyof typeof texts): string | undefined {
  return lacksBfloat16({ arch, cpuinfo: texts[name] });
}

Deno.test("lacksBfloat16() finds the units of x86 and of ARM", () => {
  assertEquals(lacks("x86_64", "Sapphire Rapids"), undefined);
  assertEquals(lacks("x86_64", "Zen 4"), undefined);
  assertEquals(lacks("aarch64", "Graviton 3"), undefined);
});

Deno.test("lacksBfloat16() names the units that a processor lacks", () => {
  assertEquals(
    lacks("x86_64", "Skylake"),
    "the processor has no bfloat16 units (amx_bf16 or avx512_bf16 in /proc/cpuinfo)",
  );
  assertEquals(
    lacks("aarch64", "Graviton 2"),
    "the processor has no bfloat16 units (bf16 in /proc/cpuinfo)",
  );
});

Deno.test("lacksBfloat16() reports that the processor's features are unknown", () => {
  assertEquals(
    lacksBfloat16({ arch: "aarch64", cpuinfo: undefined }),
    "this system does not report whether the processor has bfloat16 units",
  );
  assertStringIncludes(
    lacksBfloat16({ arch: "x86_64", cpuinfo: "processor : 0\n" })!,
    "/proc/cpuinfo does not show",
  );
});

Deno.test("choosePrecision() says nothing where float32 is wanted", () => {
  const machine = { arch: "x86_64", cpuinfo: texts.Skylake };
  assertEquals(choosePrecision("float32", "native", machine), { precision: "float32" });
});

Deno.test("choosePrecision() takes bfloat16 where there are units, and says for what", () => {
  const machine = { arch: "x86_64", cpuinfo: texts["Zen 4"] };
  const { precision, line } = choosePrecision("bfloat16", "native", machine);
  assertEquals(precision, "bfloat16");
  assertStringIncludes(line!, "precision: bfloat16 for the convolutions");
});

Deno.test("choosePrecision() chooses float32 elsewhere, and reports the reason", () => {
  const without = { arch: "x86_64", cpuinfo: texts.Skylake };
  assertEquals(choosePrecision("bfloat16", "native", without), {
    precision: "float32",
    line:
      "precision: float32, because the processor has no bfloat16 units (amx_bf16 or avx512_bf16 in " +
      "/proc/cpuinfo)",
  });
  const machine = { arch: "x86_64", cpuinfo: texts["Zen 4"] };
  assertEquals(choosePrecision("bfloat16", "wasm", machine), {
    precision: "float32",
    line: "precision: float32, because the wasm engine computes in float32 only",
  });
});

Deno.test("choosePrecision() asks the GPU instead of the processor", () => {
  const without = { arch: "x86_64", cpuinfo: texts.Skylake };
  const on = (name: string, capability: number) =>
    choosePrecision("bfloat16", "native", without, { name, capability });
  assertEquals(on("NVIDIA A100", 8).precision, "bfloat16");
  assertEquals(on("Tesla V100", 7), {
    precision: "float32",
    line: "precision: float32, because the GPU Tesla V100 has no bfloat16 units",
  });
});

Deno.test("thisMachine() is this one", async () => {
  const { arch, cpuinfo } = await thisMachine();
  assertEquals(arch, Deno.build.arch);
  if (Deno.build.os === "linux") assert(cpuinfo!.includes("processor"));
});
