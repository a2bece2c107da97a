import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { differences } from "../../src/run/folder/differences.ts";
import { rocket } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

Deno.test("compare shows other options, parameters and metrics in 80 columns", () =>
  withPipeline(
    digitsPipeline({
      train: { epochs: 1, batch: 1024, baseline: "light-alone" },
      outputs: ["metrics", "result"],
    }),
    async (file, folder) => {
      const train = async (name: string, ...more: string[]) => {
        const out = join(folder, name);
        const args = [file, "--engine", "wasm", "--quiet", "--out", out, ...more];
        const { code, stderr } = await rocket(args);
        assertEquals(code, 0, stderr);
        return JSON.parse(await Deno.readTextFile(join(out, "result.json")));
      };
      const [a, b] = await Promise.all([
        train("a"),
        train("b", "--set", "losses.2.weight=0.5", "--set", "network.light=[9]", "--epochs", "3"),
      ]);
      const { code, stdout, stderr } = await rocket(["compare", "a", "b", "a", "a"], {
        cwd: folder,
      });
      assertEquals([code, stderr], [0, ""]);
      for (const line of stdout.split("\n")) assert(line.length <= 80, line);
      const row = (title: string, ...cells: string[]) => {
        const text = [title, ...cells].map(RegExp.escape).join(" +");
        assertMatch(stdout, new RegExp(`^${text}$`, "m"));
      };
      row("losses.2.weight", "0.03", "0.5", "0.03", "0.03");
      row("network.light.0", "8", "9", "8", "8");
      row("train.epochs", "1", "3", "1", "1");
      assert(!/train\.batch|optimizer|versions/.test(stdout), stdout);
      row(
        "light parameters",
        ...[a, b, a, a].map(({ parameters }) => parameters.light.toLocaleString("en-US")),
      );
      const compared = (title: string, x: number, y: number) => {
        const sign = y === x
          ? ""
          : ` ${y < x ? "−" : "+"}${Math.abs(y - x).toFixed(4)} ${y < x ? "worse" : "better"}`;
        row(title, x.toFixed(4), `${y.toFixed(4)}${sign}`, x.toFixed(4), x.toFixed(4));
      };
      compared("light accuracy", a.test.light.accuracy, b.test.light.accuracy);
      compared("booster accuracy", a.test.booster.accuracy, b.test.booster.accuracy);
      compared(
        "light alone accuracy",
        a.baseline.test.light.accuracy,
        b.baseline.test.light.accuracy,
      );
      row("seconds", ...[a, b, a, a].map(({ seconds }) => seconds.toFixed(1)));

      const json = JSON.parse(
        (await rocket(["compare", "a", "b", "--json"], { cwd: folder })).stdout,
      );
      assertEquals(json.runs.map(({ test }: { test: unknown }) => test), [a.test, b.test]);
      assertEquals(json.sameTestRows, true);
      assertEquals(json.differences, [
        { path: "network.light.0", values: [8, 9] },
        { path: "losses.2.weight", values: [0.03, 0.5] },
        { path: "train.epochs", values: [1, 3] },
      ]);
      // Other test rows make the metrics incomparable.
      const path = join(folder, "b", "pipeline.json");
      const other = JSON.parse(await Deno.readTextFile(path));
      other.data.test.fingerprint = "sha256:0";
      await Deno.writeTextFile(path, JSON.stringify(other));
      const warned = await rocket(["compare", "a", "b"], { cwd: folder });
      assertStringIncludes(warned.stderr, "warning: the test rows of these runs differ");
    },
  ));

Deno.test("differences() finds the smallest parts that differ, by path", () => {
  assertEquals(differences([{ a: { b: [1, 2] } }, { a: { b: [1, 3] } }]), [
    { path: ["a", "b", 1], values: [2, 3] },
  ]);
  assertEquals(differences([{ a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 }]), []);
  assertEquals(differences([{ a: { b: 1, c: 2 } }, {}, { a: { b: 1, c: 2 } }]), [
    { path: ["a"], values: [{ b: 1, c: 2 }, undefined, { b: 1, c: 2 }] },
  ]);
  assertEquals(differences([{ a: [] }, { a: {} }, { a: null }]), [
    { path: ["a"], values: [[], {}, null] },
  ]);
});
