/** Deno's flags that give the launcher its permissions, in short. */
export const LAUNCHER_FLAGS = "-RWES --allow-run";

const PERMISSIONS: readonly Deno.PermissionDescriptor[] = [
  { name: "read" },
  { name: "write" },
  { name: "env" },
  { name: "sys", kind: "homedir" },
  { name: "run" },
];

/** Returns the flags of the permissions that this process, a launcher, lacks. */
export async function missingFlags(): Promise<string[]> {
  const flags: string[] = [];
  for (const descriptor of PERMISSIONS) {
    const { state } = await Deno.permissions.query(descriptor);
    if (state !== "granted") flags.push(`--allow-${descriptor.name}`);
  }
  return flags;
}
