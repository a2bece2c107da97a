import { join } from "node:path";
import { runDeno } from "./child.ts";
import { announceDownload } from "./packages.ts";
import { openProject, type Project } from "./project.ts";
import { testProject } from "./test.ts";

/** A step towards a release. */
interface Step {
  readonly name: string;
  readonly run: () => Promise<number>;
}

/**
 * Runs all that a release needs. Each step runs, so that one call shows all there is to mend.
 *
 * @param root The project's folder.
 * @returns 0 if every step went well, else 1.
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

/** What would be published is tried; nothing is. */
async function publish({ root, offline }: Project): Promise<number> {
  const command = ["publish", "--dry-run", "--allow-dirty", "--quiet"];
  if (!offline) return await runDeno(command, { cwd: root });
  // `deno publish` takes no import map, but links. What they lead to has to be outside of the
  // package, or it is missed among the published files.
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
