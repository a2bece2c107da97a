import { assertEquals, assertStringIncludes } from "@std/assert";
import { UNPRINTABLE } from "../../src/base/printable.ts";
import { ElementType } from "../../src/model/onnx/messages.ts";
import { readmeOf, type ReadmeSubject } from "../../src/model/export_readme.ts";

Deno.test("readmeOf() escapes control characters and line breaks in names of columns", () => {
  const name = "a\u001b[2J\u202e\u2028\r\n# b`|`";
  const subject = {
    model: { label: { spec: { kind: "number", classes: 0 } }, network: { units: 1 } },
    inputs: [{
      input: { name, type: ElementType.float, shape: [], description: name },
      feature: { name, spec: { dtype: "int32" } },
    }],
    ...{ net: "light", format: "onnx", outside: [] },
  } as unknown as ReadmeSubject;
  const text = readmeOf(subject);
  assertStringIncludes(text, "| `a\\u{1b}[2J\\u{202e}\\u{2028}\\u{d}\\u{a}# b   ` | float |");
  assertEquals(text.replaceAll("\n", "").match(UNPRINTABLE), null);
});
