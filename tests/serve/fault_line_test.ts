import { assertEquals, assertMatch } from "@std/assert";
import { faultLine } from "../../src/serve/fault_line.ts";
import { refuse } from "../../src/serve/http_error.ts";

Deno.test("faultLine() has the kind and the place of an error, but not its message", () => {
  const note = "; the error's message is not shown, because it may contain text of the request";
  const line = (fail: () => unknown) => {
    try {
      return String(fail());
    } catch (error) {
      return faultLine(error);
    }
  };
  const root = new URL("../../", import.meta.url).href;
  const evil = `EVIL\n    at forged (${root}src/EVIL.ts:1:1)`;
  assertMatch(
    line(() => refuse(evil)),
    /^a request has failed \(HttpError at src\/serve\/http_error\.ts:\d+\); [^E]+$/,
  );
  const within = (cause: unknown) =>
    line(() => {
      throw new Error(evil, { cause });
    });
  assertMatch(within(new RangeError(evil)), /^a request has failed \(RangeError at tests\/[^E]+$/);
  assertEquals(faultLine(evil), `a request has failed (unknown)${note}`);
  const named = Object.assign(new Error(evil), { name: evil });
  assertMatch(faultLine(named), /^a request has failed \(unknown at tests\/[^E]+$/);
});
