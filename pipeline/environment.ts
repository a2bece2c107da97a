import { isScalar, parseDocument } from "yaml";
import type { Problem } from "./errors.ts";
import { hint, nameHint } from "./hints.ts";
import { type MapEntry, type Node, type Path, placeOf } from "./nodes.ts";

/**
 * Puts the values of environment variables in the place of `${env:NAME}`. A value that is nothing
 * else is read as YAML reads it, so that a number is a number; within a longer text it is text.
 * `$${` stands for `${` itself.
 *
 * @param node The pipeline.
 * @param problems Takes what is wrong.
 * @param onVariable Hears of each variable that is read.
 * @returns The pipeline with the variables' values.
 */
export function readEnvironment(
  node: Node,
  problems: Problem[],
  onVariable: (name: string) => void = () => {},
): Node {
  return replaceIn(node, [], problems, onVariable);
}

function replaceIn(
  node: Node,
  path: Path,
  problems: Problem[],
  onVariable: (name: string) => void,
): Node {
  if (node.kind === "list") {
    const items = node.items.map((item, index) =>
      replaceIn(item, [...path, index], problems, onVariable)
    );
    return { ...node, items };
  }
  if (node.kind === "map") {
    const entries = Array.from(node.entries, ([key, entry]): [string, MapEntry] => [
      key,
      { ...entry, value: replaceIn(entry.value, [...path, key], problems, onVariable) },
    ]);
    return { ...node, entries: new Map(entries) };
  }
  if (typeof node.value !== "string" || !node.value.includes("${")) return node;
  const text = node.value;
  const read = (name: string) => {
    onVariable(name);
    const value = Deno.env.get(name);
    if (value !== undefined) return value;
    problems.push({
      message: `the environment variable ${name} is not set`,
      place: placeOf(node, path),
      hint: nameHint("environment/near", {
        written: name,
        names: Object.keys(Deno.env.toObject()),
        change: (near) => ({ set: { ".": text.replaceAll(`\${env:${name}}`, `\${env:${near}}`) } }),
      }) ?? hint("environment/set", `set it: ${name}=VALUE deno task pipeline …`, {
        variables: { [name]: "1" },
      }),
    });
    return "";
  };
  const whole = /^\$\{env:([A-Za-z_]\w*)\}$/.exec(text)?.[1];
  if (whole !== undefined) return { ...node, value: plainValue(read(whole)) };
  const value = text.replace(/\$\$\{|\$\{([^}]*)\}?/g, (found, inside?: string) => {
    if (inside === undefined) return "${";
    const name = /^env:([A-Za-z_]\w*)$/.exec(inside)?.[1];
    if (name !== undefined && found.endsWith("}")) return read(name);
    problems.push({
      message: `expected \${env:NAME}, got ${JSON.stringify(found)}`,
      place: placeOf(node, path),
      hint: hint("environment/dollar", "write $${ for the text ${ itself", {
        set: { ".": text.replaceAll(/\$?\$\{/g, "$$$${") },
      }),
    });
    return "";
  });
  return { ...node, value };
}

/** Only text, numbers and the like: an environment variable does not write lists and maps. */
function plainValue(text: string): unknown {
  const { contents, errors, warnings } = parseDocument(text);
  if (errors.length + warnings.length > 0) return text;
  if (contents === null) return null;
  return isScalar(contents) ? contents.value : text;
}
