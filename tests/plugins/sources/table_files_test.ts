import { assertEquals } from "@std/assert";
import { wholeGroups } from "../../../plugins/sources/table_files.ts";

Deno.test("wholeGroups() lets record batches consist of whole row groups, or of equal parts of one", () => {
  const cases: readonly (readonly [rows: number, group: number | undefined, expected: number])[] = [
    [16384, undefined, 16384],
    [16384, 0, 16384],
    [16384, 5, 16380],
    [16384, 16384, 16384],
    [16384, 51200, 51200],
    [16384, 122_880, 15_360],
    [16384, 2 ** 20, 16384],
    // 1,000,003 is a prime number.
    [16384, 1_000_003, 16384],
  ];
  for (const [rows, group, expected] of cases) {
    assertEquals(wholeGroups(rows, group), expected, `${rows}, ${group}`);
  }
});
