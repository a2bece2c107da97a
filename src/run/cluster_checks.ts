import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";

/**
 * Rejects groups of rows, which the processes of a cluster would divide.
 *
 * @param rows The training rows.
 * @throws {UserError} If `data.group` keeps groups together; exit code 2.
 */
export function refuseGroups({ groups }: { readonly groups?: object | undefined }): void {
  if (!groups) return;
  throw new UserError(
    "`data.group` cannot be used in a cluster: its processes would divide groups",
    {
      hint: hint("cluster/groups", "remove `data.group`, or train in one process", {
        outside: "the processes have to be started",
      }),
      exitCode: 2,
    },
  );
}
