/**
 * The process of a command, which the launcher starts with the permissions that the command needs.
 *
 * @module
 */

// Imported first, so that it handles signals while the other modules load.
import "./hear_signals.ts";
import { programArguments } from "../launch/program_arguments.ts";
import { takeEnd, watchEnd } from "./ending.ts";
import { main, report } from "./main.ts";

const endProcess = takeEnd();
watchEnd((error) => report(error, programArguments.includes("--debug")));
// Not `await`, for which Deno prints an error with this source code if the promise never settles.
main(programArguments).then(endProcess);
