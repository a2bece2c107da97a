import { assert, assertStringIncludes } from "@std/assert";
import { permissionsLine } from "../../../src/base/machine/permissions.ts";

const lineOf = (of: string) => permissionsLine([{ permission: "write", of, why: "" }]);

Deno.test("permissionsLine() prints names of common characters as they are", () => {
  for (const name of ["/a/runs", "/a/b-1.2_c@d+e~f#g[h]", "/é/e\u0301/Ж/東京/データ/אב"]) {
    assertStringIncludes(lineOf(name), `, write ${name}, no network, `);
  }
});

Deno.test("permissionsLine() quotes and escapes names that look like other words of the line", () => {
  const lookalikes = [
    ..."\u201a\ufe50\uff0c\ua4f9\u02ba\u201d\uff02\u2033\u2044\u2010", // commas, quotes, and others
    ..."\u2800\u3000\u00a0\u2003", // blanks
    " \u030b", // on a blank, this mark looks like a quote
  ];
  for (const character of lookalikes) {
    const line = lineOf(`/a${character} no network`);
    assert(!line.includes(character), line);
    assert(/, write "\/a ?\\u\{[\da-f]+\} no network", no network, /.test(line), line);
  }
});
