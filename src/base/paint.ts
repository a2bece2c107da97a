/**
 * Colors for the terminal. They are added to finished lines, after control characters in them are
 * escaped.
 *
 * @module
 */

/** The SGR codes of the styles. */
const STYLES = { red: "1;31", yellow: "1;33", cyan: "36", green: "32", plainRed: "31" } as const;

/** The words that start a line of a problem, each with its style. */
const HEADS: readonly (readonly [RegExp, keyof typeof STYLES])[] = [
  [/^error:/, "red"],
  [/^warning:/, "yellow"],
  [/^ hint:/, "cyan"],
  [/^ -->/, "cyan"],
];

/** A difference that is an improvement or the opposite: `−0.0100 [−0.0200, −0.0050] better`. */
const DIFFERENCE = /(?:[+−][\d.e+-]+(?: \[[^\]]*\])?|\b\d+\.\d+ ×) (better|worse|faster|slower)\b/g;

/**
 * Adds colors to a line that is printed on a terminal: to the word that starts an error, a warning,
 * or a hint, and to differences that the line calls better, worse, faster, or slower.
 *
 * @param line The line, without control characters.
 */
export function paint(line: string): string {
  for (const [head, style] of HEADS) {
    if (head.test(line)) return line.replace(head, (word) => inStyle(word, style));
  }
  return line.replace(
    DIFFERENCE,
    (text, word: string) => inStyle(text, /better|faster/.test(word) ? "green" : "plainRed"),
  );
}

const inStyle = (text: string, style: keyof typeof STYLES) =>
  `\x1b[${STYLES[style]}m${text}\x1b[0m`;
