import { join } from "node:path";
import { runDeno } from "./child.ts";
import { announceDownload } from "./packages.ts";
import { openProject, type Project } from "./project.ts";
import { testProject } from "./test.ts";

/** A check that a release must pass. */
interface Step {
  readonly name: string;
  readonly run: () => Promise<number>;
}

/**
 * Runs all checks that a release must pass. All of them run even if one fails, so one call shows
 * every problem.
 *
 * @param root The project's folder.
 * @returns The exit code: 0 if all checks pass, otherwise 1.
 */
export async function ok(root: string): Promise<number> {
  const project = await openProject(root, { anew: true });
  await announceDownload(project.config);
  console.log(`@std: ${project.offline ? "the stand-ins of compat/" : "from the JSR registry"}`);
  const results: string[] = [];
  let code = 0;
  for (const { name, run } of steps(project)) {
    console.log(`\n== ${name}`);
    const failed = await run() !== 0;
    if (failed) code = 1;
    results.push(`${failed ? "FAILED" : "ok    "}  ${name}`);
  }
  console.log(`\n${results.join("\n")}`);
  return code;
}

function steps(project: Project): Step[] {
  const { root, flags, config } = project;
  const deno = (...args: string[]) => runDeno(args, { cwd: root });
  return [
    { name: "format", run: () => deno("fmt", "--check") },
    { name: "lint", run: () => deno("lint") },
    { name: "types", run: () => deno("check", "--quiet", ...flags, "--doc", ".") },
    {
      name: "documentation",
      run: () => deno("doc", "--lint", "--quiet", ...Object.values(config.exports)),
    },
    { name: "tests", run: () => testProject(project, []) },
    { name: "publishing, as a dry run", run: () => publish(project) },
  ];
}

/** Tries publishing without publishing anything. */
async function publish({ root, offline }: Project): Promise<number> {
  const command = ["publish", "--dry-run", "--allow-dirty", "--quiet"];
  if (!offline) return await runDeno(command, { cwd: root });
  // `deno publish` does not support import maps, but links. Their targets must be outside the
  // package, because it would otherwise report them as missing from the published files.
  const outside = await Deno.makeTempDir();
  const file = join(root, `.deno-publish-${Deno.pid}.json`);
  try {
    const links: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(join(root, "src", "launch", "compat"))) {
      if (!isDirectory) continue;
      const link = join(outside, name);
      await copyFolder(join(root, "src", "launch", "compat", name), link);
      links.push(link);
    }
    const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
    await Deno.writeTextFile(file, JSON.stringify({ ...config, links }));
    return await runDeno([...command, "--config", file], { cwd: root });
  } finally {
    await Deno.remove(outside, { recursive: true });
    await Deno.remove(file).catch(() => {});
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await Deno.copyFile(join(from, name), join(to, name));
  }
}
