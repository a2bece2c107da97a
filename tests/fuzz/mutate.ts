import type { Random } from "../../src/base/random.ts";

/** Changes bytes at random: flips, cuts, splices, and lengths set to extremes. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let changed = Uint8Array.from(bytes);
  const times = 1 + random.integer(0, 3);
  for (let time = 0; time < times && changed.length > 16; time++) {
    changed = mutations[random.integer(0, mutations.length - 1)]!(changed, random);
  }
  return changed;
}

/**
 * Changes text with columns as programs and people spoil it: values, quotes, ends of lines, lines
 * and columns.
 */
export function mutateText(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let text = new TextDecoder().decode(bytes);
  const times = 1 + random.integer(0, 2);
  for (let time = 0; time < times; time++) {
    text = textMutations[random.integer(0, textMutations.length - 1)]!(text, random);
  }
  return new TextEncoder().encode(text);
}

/** Changes the tokens of YAML or JSON at random: what stands between spaces and signs. */
export function mutateTokens(text: string, random: Random): string {
  const tokens = text.match(/[\w./-]+|\s+|[^\w\s]/g) ?? [];
  const times = 1 + random.integer(0, 3);
  for (let time = 0; time < times && tokens.length > 0; time++) {
    const at = random.integer(0, tokens.length - 1), other = random.integer(0, tokens.length - 1);
    const token = syntax[random.integer(0, syntax.length - 1)]!;
    const changes = [[token], [token, tokens[at]!], [], [tokens[at]!, tokens[at]!], [
      tokens[other]!,
    ]];
    tokens.splice(at, 1, ...changes[random.integer(0, changes.length - 1)]!);
  }
  return tokens.join("");
}

/** Tokens with a meaning in YAML, JSON or pipeline files, and values that no option expects. */
const syntax = [
  ..."{}[]:,-?&*!|>%@`#\"'\\\t\n\0",
  ...["&a ", "*a", "<<: *a", "? ", "---\n", "...\n", "!!binary ", "!!set ", "!<tag:x> ", "|2-\n"],
  ...["\u2028", "\ufeff", "\u202e", "\ud800", "\x1b[31m", "\\u0000", "\\ud800"],
  ...["__proto__", "constructor", "toString", "null", "~", ".nan", ".inf", "-0", "1e999", "0x7f"],
  ...["2026-02-30", "999999999999999999999", "1_000", "012", "yes", "${env:NO}", "${", "$$"],
  ...["extends: ./p.yaml\n", "extends: [", "../", "/dev/zero", "npm:x", "https://x", "\n  ", "\n "],
  ...["[".repeat(3_000), "{a: ".repeat(300), "- ".repeat(2_000), "x".repeat(100_000)],
];

/** Values and parts of values that are read in more ways than one. */
const spoilt = [
  "NA",
  "nan",
  "-inf",
  "",
  '""',
  '"',
  "''",
  " ",
  "007",
  "1e999",
  "-0",
  "9007199254740993",
  "0x1F",
  "1,5",
  "1;5",
  "2026-02-30",
  "2026-11-28 24:00:00",
  "true",
  "\r",
  "\n",
  "\r\n",
  "\0",
  "\ufeff",
  "\u2028",
  "é",
  ",",
  ";",
  "\t",
  "|",
];

const textMutations: readonly ((text: string, random: Random) => string)[] = [
  (text, random) => {
    const at = random.integer(0, text.length);
    return text.slice(0, at) + spoilt[random.integer(0, spoilt.length - 1)]! + text.slice(at);
  },
  (text, random) => {
    // A value in the place of another.
    const values = [...text.matchAll(/[^,;|\t\r\n]+/g)];
    if (values.length === 0) return text;
    const { index, 0: old } = values[random.integer(0, values.length - 1)]!;
    const value = spoilt[random.integer(0, spoilt.length - 1)]!;
    return text.slice(0, index) + value + text.slice(index + old.length);
  },
  (text, random) => {
    const lines = text.split("\n"), at = random.integer(0, lines.length - 1);
    const changes = [[], [lines[at]!, lines[at]!], ["", lines[at]!], [lines[at]!.slice(0, -3)]];
    return lines.toSpliced(at, 1, ...changes[random.integer(0, 3)]!).join("\n");
  },
  (text, random) => {
    const end = ["\n", "\r\n", "\r"][random.integer(0, 2)]!;
    return text.replaceAll(/\r?\n/g, () => random.integer(0, 3) > 0 ? end : "\n");
  },
  (text, random) => {
    const at = random.integer(0, text.length);
    const [from, to] = [[",", ";"], [";", ","], ["\t", " "], ['"', "'"], [",", ""]][
      random.integer(0, 4)
    ] as [string, string];
    return text.slice(0, at) + text.slice(at).replaceAll(from, to);
  },
  (text) => `\ufeff${text}`,
  (text) => text.repeat(40),
];

type Bytes = Uint8Array<ArrayBuffer>;

const extremes = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 16, 2 ** 24, 255];

const mutations: readonly ((bytes: Bytes, random: Random) => Bytes)[] = [
  (bytes, random) => {
    bytes[random.integer(0, bytes.length - 1)]! ^= 1 << random.integer(0, 7);
    return bytes;
  },
  (bytes, random) => {
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
    return bytes;
  },
  (bytes, random) => bytes.slice(0, random.integer(1, bytes.length)),
  (bytes, random) => {
    const from = random.integer(0, bytes.length - 1);
    const to = Math.min(bytes.length, from + random.integer(1, 64));
    return bytes.fill([0, 255, 0x7f][random.integer(0, 2)]!, from, to);
  },
  (bytes, random) => {
    const from = random.integer(0, bytes.length - 1), to = random.integer(0, bytes.length - 1);
    return bytes.copyWithin(to, from, from + random.integer(1, 256));
  },
  (bytes, random) => {
    // Lengths lie at multiples of 4 in most formats, and near their ends.
    const near = random.integer(0, 1) === 0 ? bytes.length : Math.min(bytes.length, 1024);
    const at = 4 * random.integer(0, Math.floor((near - 4) / 4));
    const value = extremes[random.integer(0, extremes.length - 1)]!;
    new DataView(bytes.buffer).setInt32(at, value, true);
    return bytes;
  },
  (bytes, random) => {
    const at = random.integer(0, bytes.length - 1), length = random.integer(1, 32);
    const shorter = new Uint8Array(Math.max(1, bytes.length - length));
    shorter.set(bytes.subarray(0, Math.min(at, shorter.length)));
    if (at < shorter.length) shorter.set(bytes.subarray(at + length), at);
    return shorter;
  },
];
