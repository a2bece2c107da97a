import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join, relative } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import {
  type AllowedCode,
  allowedCode,
  allowedCodeOfRun,
  codeThatWasChecked,
} from "../../src/pipeline/allowed_code.ts";
import { createRegistry } from "../../src/pipeline/registry.ts";
import { UserError } from "../../src/base/errors.ts";
import { inFolder } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";

/** Returns the error message for a module; undefined if the module may be loaded. */
async function refusal(
  folder: string,
  specifier: string,
  allowed: readonly string[] = [],
): Promise<UserError | undefined> {
  const code = await allowedCode(folder, allowed);
  try {
    await code.refuse(specifier, { folder, place: { file: "p.yaml", line: 3, column: 8 } });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

Deno.test("allowedCode() allows modules in the project's folder, from any of its subfolders", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "pipelines"));
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    await Deno.writeTextFile(join(folder, "mine.ts"), "");
    for (const use of ["../mine.ts", "../mine.ts#other", join(folder, "mine.ts"), "./absent.ts"]) {
      assertEquals(await refusal(join(folder, "pipelines"), use), undefined, use);
    }
  });
});

Deno.test("allowedCode() rejects packages, URLs and files outside the project, with a hint that allows them", async () => {
  await inFolder(async (folder) => {
    for (
      const use of [
        ...["npm:x@1", "jsr:@a/b", "https://example.com/x.ts", "data:text/ts,1", "../x.ts"],
        ...["file://host/x.ts", "file:///x%2Fy.ts"],
      ]
    ) {
      const error = await refusal(folder, use);
      assertEquals(error?.exitCode, 2, use);
      const [problem] = error!.problems;
      assertEquals(problem!.place, { file: "p.yaml", line: 3, column: 8 });
      const [, asked] = /--allow-plugin '?(.*?)'?, or/.exec(problem!.hint!)!;
      assertEquals(await refusal(folder, use, [asked!]), undefined, use);
      assertEquals(await refusal(folder, `${use}#other`, [asked!]), undefined, use);
    }
    assertEquals((await refusal(folder, "npm:x@2", ["npm:x@1"]))?.exitCode, 2);
  });
});

Deno.test("allowedCode() resolves links before it checks the location of a file", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "project"));
    await Deno.writeTextFile(join(folder, "outside.ts"), "");
    await Deno.symlink(join(folder, "outside.ts"), join(folder, "project", "inside.ts"));
    assertEquals((await refusal(join(folder, "project"), "./inside.ts"))?.exitCode, 2);
  });
});

Deno.test("allowedCode() reads allowPlugins from deno.json and rejects values that are not lists", async () => {
  await inFolder(async (folder) => {
    const write = (allowPlugins: unknown) =>
      Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify({ rocket: { allowPlugins } }));
    await write(["npm:x@1"]);
    assertEquals(await refusal(folder, "npm:x@1"), undefined);
    assertEquals((await refusal(folder, "npm:y@1"))?.exitCode, 2);
    await write("npm:x@1");
    const error = await refusal(folder, "npm:x@1").catch((error) => error);
    assertStringIncludes(error.message, "rocket.allowPlugins must be a list");
  });
});

Deno.test("readPlan() runs no code from outside the project, whichever file of a pipeline names it", async () => {
  await inFolder(async (folder) => {
    const project = join(folder, "project"), mark = join(folder, "was-run");
    await Deno.mkdir(project);
    const code = `Deno.writeTextFileSync(${JSON.stringify(mark)}, ""); export default {};`;
    for (const name of ["evil.ts", "base.ts"]) await Deno.writeTextFile(join(folder, name), code);
    const pipeline = digitsPipeline({ metrics: [{ use: "../evil.ts" }] });
    await Deno.writeTextFile(join(project, "base.yaml"), JSON.stringify(pipeline));
    const tops = { stage: "extends: base.yaml", module: "extends: ../base.ts" };
    for (const [name, text] of Object.entries(tops)) {
      const file = join(project, `${name}.yaml`);
      await Deno.writeTextFile(file, text);
      const error = await readPlan(file).catch((error) => error);
      assertStringIncludes(error.message, "has not been allowed");
      assertEquals(error.problems[0].place.line, 1);
      assertEquals(await Deno.stat(mark).catch(() => "absent"), "absent");
    }
  });
});

Deno.test("allowedCodeOfRun() trusts a project only if pipeline.json and the location of the run folder agree", async () => {
  await inFolder(async (folder) => {
    const own = join(folder, "own"), other = join(folder, "other");
    for (const project of [own, other]) {
      await Deno.mkdir(join(project, "runs", "x"), { recursive: true });
      await Deno.writeTextFile(join(project, "deno.json"), "{}");
      await Deno.writeTextFile(join(project, "m.ts"), "");
    }
    const refused = async (run: string, project: string | undefined, use: string) => {
      const code = await allowedCodeOfRun(run, project);
      const named = { folder: run, place: undefined };
      return await code.refuse(use, named).then(() => undefined, (error: UserError) => error);
    };
    const run = join(own, "runs", "x"), stage = join(own, "m.ts"), link = join(folder, "link");
    await Deno.symlink(own, link);
    assertEquals(await refused(run, own, stage), undefined);
    // Neither alone is sufficient, since a run folder may come from another person.
    for (
      const [project, use] of [
        [undefined, stage],
        [other, stage],
        [other, join(other, "m.ts")],
        ["/", stage],
        [folder, stage],
        // Relative paths, which a sender can write without knowing where the folder will be.
        [relative(Deno.cwd(), own), stage],
        [`/proc/self/cwd/${relative(Deno.cwd(), own)}`, stage],
        [link, stage],
        [run, join(run, "m.ts")],
        [own, join(other, "m.ts")],
        [own, "npm:x@1"],
        // Modules of the project are allowed, except those in the run folder.
        [own, join(run, "m.ts")],
      ] as const
    ) assertEquals((await refused(run, project, use))?.exitCode, 2, `${project} ${use}`);
    // A project within the run folder is not trusted, since it comes with the folder.
    await Deno.writeTextFile(join(run, "deno.json"), "{}");
    assertEquals((await refused(run, run, join(run, "m.ts")))?.exitCode, 2);
    const elsewhere = await refused(join(other, "runs", "x"), own, stage);
    assertStringIncludes(elsewhere!.problems[0]!.hint!, `from its project: cd ${own}`);
  });
});

Deno.test("codeThatWasChecked() allows exactly the modules that were checked", async () => {
  const code = codeThatWasChecked("/project", ["./mine.ts", "npm:stages#one"]);
  const named = { folder: "/project", place: undefined };
  await code.refuse("./mine.ts", named);
  await code.refuse("npm:stages#one", named);
  for (const other of ["./other.ts", "npm:stages", "npm:stages#two"]) {
    await assertRejects(() => code.refuse(other, named), Error, `${other} was not checked`);
  }
});

Deno.test("createRegistry() loads no code that has not been allowed", () => {
  const nobody = undefined as unknown as AllowedCode;
  assertThrows(() => createRegistry([], nobody), TypeError);
});
