import { assertEquals } from "@std/assert";
import { join } from "node:path";
import resultOutput from "../../../plugins/outputs/result.ts";
import { checkStage } from "../../../testing.ts";
import { epochEnd, filesIn, make, result, runStart, withRunFolder } from "./support.ts";

Deno.test("result fulfills the contract of an output", () => checkStage(resultOutput));

Deno.test("result writes result.json only after the run has ended successfully", () =>
  withRunFolder(async (folder) => {
    const output = make(resultOutput, folder);
    await output.runStart?.(runStart(1));
    await output.epoch?.(epochEnd(1));
    assertEquals(await filesIn(folder), []);
    await output.runEnd!({ result });
    assertEquals(await filesIn(folder), ["result.json"]);
    const text = await Deno.readTextFile(join(folder, "result.json"));
    assertEquals(JSON.parse(text), result);
    // For people: indented, and with an end of line.
    assertEquals(text.split("\n").slice(0, 2), ["{", '  "name": "digits",']);
    assertEquals(text.at(-1), "\n");
  }));

Deno.test("result writes the results of the baseline, and names that are not ASCII", () =>
  withRunFolder(async (folder) => {
    const { input, test, best, parameters } = result;
    const baseline = { epochs: 2, skipped: 0, seconds: 1.5, input, test, best, parameters };
    const whole = { ...result, baseline };
    await make(resultOutput, folder).runEnd!({ result: whole });
    const bytes = await Deno.readFile(join(folder, "result.json"));
    const read = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    assertEquals(read.baseline, baseline);
    assertEquals(read.gradients[0].loss, "mse-hint(booster→light)");
  }));

Deno.test("result writes nothing if the run fails", () =>
  withRunFolder(async (folder) => {
    const output = make(resultOutput, folder);
    await output.failure?.({ error: new Error("the disk is full") });
    assertEquals(await filesIn(folder), []);
  }));
