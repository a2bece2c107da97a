import { assertEquals } from "@std/assert";
import { normalize } from "node:path";
import {
  asWritten,
  readEnvironment,
  STAGE,
  variablesIn,
} from "../../../src/pipeline/document/environment.ts";
import { formatPlace, type Problem } from "../../../src/base/errors.ts";
import { follow, nodeOf, placeOf, valueOf } from "../../../src/pipeline/document/nodes.ts";
import { parseYaml } from "../../../src/pipeline/document/parse_yaml.ts";
import mseHint from "../../../plugins/losses/mse_hint.ts";
import { withEnvironment } from "../../support/problems.ts";

const origin = { file: "f.yaml", folder: "." };

/** Reads the text of a file and returns its value and the messages of its problems. */
function readText(text: string): { value: unknown; problems: string[] } {
  const problems: Problem[] = [];
  const node = readEnvironment(parseYaml(text, origin), problems);
  return {
    value: valueOf(node),
    problems: problems.map(({ message, place, hint }) =>
      `${formatPlace(place!)}: ${message}; ${hint}`
    ),
  };
}

/** Reads one value, which must have no problems. */
function readValue(text: string): unknown {
  const { value, problems } = readText(`a: '${text}'`);
  assertEquals(problems, []);
  return (value as { a: unknown }).a;
}

Deno.test("readEnvironment() parses a value that consists of one variable as YAML", async () => {
  const cases: [string, unknown][] = [
    ["128", 128],
    ["5e-4", 0.0005],
    ["true", true],
    ["digits", "digits"],
    ["a b", "a b"],
    ["'7'", "7"],
    ["", null],
    ["[1, 2]", "[1, 2]"],
    ["{ a: 1 }", "{ a: 1 }"],
    ["*x", "*x"],
    ["!secret x", "!secret x"],
    ["'open", "'open"],
  ];
  for (const [set, value] of cases) {
    await withEnvironment({ ROCKET_TEST_VALUE: set }, () => {
      assertEquals(readValue("${env:ROCKET_TEST_VALUE}"), value, set);
    });
  }
});

Deno.test("readEnvironment() keeps variables within a longer text as text", async () => {
  await withEnvironment({ ROCKET_TEST_ONE: "1", ROCKET_TEST_TWO: "${env:HOME}" }, () => {
    const cases: [string, string][] = [
      ["run-${env:ROCKET_TEST_ONE}", "run-1"],
      ["${env:ROCKET_TEST_ONE}${env:ROCKET_TEST_ONE}", "11"],
      [" ${env:ROCKET_TEST_ONE}", " 1"],
      // Variables within the value of a variable are not replaced.
      ["x${env:ROCKET_TEST_TWO}", "x${env:HOME}"],
    ];
    for (const [text, value] of cases) assertEquals(readValue(text), value, text);
  });
});

Deno.test("readEnvironment() reads $${ as ${ and does not change other dollar signs", () => {
  const cases: [string, string][] = [
    ["$${env:HOME}", "${env:HOME}"],
    ["a $${x} b", "a ${x} b"],
    ["$5 and $$ and {x}", "$5 and $$ and {x}"],
    ["$", "$"],
  ];
  for (const [text, value] of cases) assertEquals(readValue(text), value, text);
});

Deno.test("readEnvironment() replaces variables everywhere except in keys", async () => {
  await withEnvironment({ ROCKET_TEST_ONE: "1" }, () => {
    const { value, problems } = readText(
      "a: [x, { b: '${env:ROCKET_TEST_ONE}' }]\n'${env:ROCKET_TEST_ONE}': 2",
    );
    assertEquals(problems, []);
    assertEquals(value, { a: ["x", { b: 1 }], "${env:ROCKET_TEST_ONE}": 2 });
  });
});

Deno.test("readEnvironment() reports each variable that is not set, with its place", async () => {
  await withEnvironment(
    { ROCKET_TEST_BATCH: "1", ROCKET_TEST_BACTH: undefined, UNHEARD_OF: undefined },
    () => {
      const { problems } = readText(
        "a: ${env:ROCKET_TEST_BACTH}\nb:\n  - x-${env:UNHEARD_OF}-${env:UNHEARD_OF}\n",
      );
      const unheard = "f.yaml:3:5: the environment variable UNHEARD_OF is not set; " +
        "set it: UNHEARD_OF=VALUE deno task pipeline …";
      assertEquals(problems, [
        "f.yaml:1:4: the environment variable ROCKET_TEST_BACTH is not set; " +
        "did you mean ROCKET_TEST_BATCH?",
        unheard,
        unheard,
      ]);
    },
  );
});

Deno.test("readEnvironment() rejects malformed variables", () => {
  for (const text of ["${HOME}", "${env:}", "${env:2X}", "${env:A B}", "${env:HOME", "x${"]) {
    const found = text.slice(text.indexOf("$"));
    assertEquals(readText(`a: "${text}"`).problems, [
      `f.yaml:1:4: expected \${env:NAME}, got ${JSON.stringify(found)}; ` +
      "to write the text ${ itself, write $${",
    ]);
  }
});

Deno.test("readEnvironment() keeps positions, and values that are not text", async () => {
  await withEnvironment({ ROCKET_TEST_ONE: "1" }, () => {
    const node = readEnvironment(parseYaml("a:\n  b: ${env:ROCKET_TEST_ONE}", origin), []);
    assertEquals(placeOf(follow(node, ["a", "b"]).node, []), {
      file: "f.yaml",
      line: 2,
      column: 6,
      path: "",
    });
  });
  const value = { use: mseHint, n: 3, t: true, z: null };
  const read = valueOf(readEnvironment(nodeOf(value, origin), [])) as typeof value;
  assertEquals([read.use === mseHint, read.n, read.t, read.z], [true, 3, true, null]);
});

Deno.test("asWritten() restores ${env:NAME}, from which the same value is read again", async () => {
  const env = {
    ROCKET_TEST_ONE: "8",
    ROCKET_TEST_TWO: "rows/a.arrow",
    ROCKET_TEST_USE: "./s.ts#x",
  };
  await withEnvironment(env, () => {
    const here = { file: "f.yaml", folder: "/a/b" };
    const read = (value: unknown) => readEnvironment(nodeOf(value, here), []);
    const cases: [unknown, unknown, unknown][] = [
      ["${env:ROCKET_TEST_ONE}", 8, "${env:ROCKET_TEST_ONE}"],
      // A value that the schema has transformed.
      ["${env:ROCKET_TEST_ONE}", "eight", "${env:ROCKET_TEST_ONE}"],
      ["${env:ROCKET_TEST_ONE}", [1, 2], "${env:ROCKET_TEST_ONE}"],
      ["${env:ROCKET_TEST_ONE}", [8], "${env:ROCKET_TEST_ONE}"],
      [
        "${env:ROCKET_TEST_TWO}",
        { raw: env.ROCKET_TEST_TWO, up: "ROWS/A.ARROW" },
        "${env:ROCKET_TEST_TWO}",
      ],
      // Paths are relative to the folder of the file.
      ["../${env:ROCKET_TEST_TWO}", "/a/rows/a.arrow", "/a/b/../${env:ROCKET_TEST_TWO}"],
      ["/c/${env:ROCKET_TEST_TWO}", "/c/rows/a.arrow", "/c/${env:ROCKET_TEST_TWO}"],
      // The name of a stage is the short form of a map with its options.
      [
        "${env:ROCKET_TEST_USE}",
        { [STAGE]: true, use: "/a/b/s.ts#x", by: 2, text: "${x}" },
        { use: "/a/b/${env:ROCKET_TEST_USE}", by: 2, text: "$${x}" },
      ],
      ["$${x}", "${x}", "$${x}"],
      ["x", 7, 7],
      // Options of a stage that its schema has transformed.
      ...([
        [["a", "${env:ROCKET_TEST_ONE}"], { a: "8" }],
        [{ a: "${env:ROCKET_TEST_ONE}", b: "$${c}" }, "a8"],
        [{ a: "${env:ROCKET_TEST_ONE}" }, { a: 8, b: "88" }],
      ] as [unknown, unknown][]).map(([option, made]): [unknown, unknown, unknown] => [
        { use: "s", option, other: 1 },
        { [STAGE]: true, use: "s", option: made, other: [2], more: 3 },
        { use: "s", option, other: [2], more: 3 },
      ]),
      [
        {
          use: "s",
          paths: ["c.csv", "${env:ROCKET_TEST_TWO}"],
          "more": ["$${a}", "${env:ROCKET_TEST_ONE}"],
        },
        { [STAGE]: true, use: "s", paths: ["/a/b/c.csv", "/a/b/rows/a.arrow"], "more": ["${a}"] },
        {
          use: "s",
          paths: ["/a/b/c.csv", "/a/b/${env:ROCKET_TEST_TWO}"],
          more: ["$${a}", "${env:ROCKET_TEST_ONE}"],
        },
      ],
    ];
    for (const [written, used, kept] of cases) {
      const found = asWritten({ v: used }, read({ v: written }));
      assertEquals(found, { v: kept });
      if (typeof used === "object" || used === "eight") continue;
      const { v } = valueOf(read(found)) as { v: unknown };
      assertEquals(typeof v === "string" ? normalize(v) : v, used);
    }
    assertEquals(variablesIn({ a: "${env:A}$${env:B}", b: ["x${env:C}", "${env:A}"] }), ["A", "C"]);
  });
});

Deno.test("readEnvironment() rejects variables in addresses, except for allowed ones", async () => {
  await withEnvironment({ ROCKET_TEST_ONE: "https://h/", ROCKET_TEST_TWO: "x" }, () => {
    const refused = (text: string, allowEnv?: readonly string[]) => {
      const problems: Problem[] = [];
      readEnvironment(nodeOf({ v: text }, origin), problems, { allowEnv });
      return problems.map(({ message }) =>
        /variable (\w+) is part of an address/.exec(message)?.[1]
      );
    };
    const [one, two] = ["${env:ROCKET_TEST_ONE}", "${env:ROCKET_TEST_TWO}"];
    for (
      const text of [
        `https://h/${two}`,
        `HTTP:h?${two}`,
        `npm:${two}`,
        `jsr:@a/${two}`,
        ` s3://${two}`,
      ]
    ) {
      assertEquals(refused(text, []), ["ROCKET_TEST_TWO"], text);
      assertEquals(refused(text, ["ROCKET_TEST_TWO"]), []);
      assertEquals(refused(text), []);
    }
    assertEquals(refused(one, []), ["ROCKET_TEST_ONE"]);
    assertEquals(refused(`${one}${two}`, ["ROCKET_TEST_ONE"]), ["ROCKET_TEST_TWO"]);
    assertEquals(refused(`rows/${two}.arrow`, []), []);
  });
});
