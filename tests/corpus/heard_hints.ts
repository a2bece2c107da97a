import type { Problem } from "../../src/base/errors.ts";
import { type Hint, listenToHints } from "../../src/base/hints.ts";
import type { HintedProblem } from "./outcome.ts";

/** A file of thousands of mistakes prints as many hints; a few are enough to know. */
const most = 5;

/**
 * Listens to the hints of this process.
 *
 * @returns Stops listening, and says what was printed meanwhile.
 */
export function hearHints(): () => HintedProblem[] {
  const made: Hint[] = [], printed: Problem[] = [];
  listenToHints({
    made: (hint) => void made.push(hint),
    printed: (problem) => void printed.push(problem),
  });
  return () => {
    listenToHints(undefined);
    const byText = new Map(made.map((hint) => [hint.text, hint]));
    return printed.filter(({ hint }) => hint !== undefined).slice(0, most).map((problem) => {
      const whole = byText.get(problem.hint!);
      return { problem, hints: whole ? [whole] : hintsIn(problem.hint!, made) };
    });
  };
}

/** The hints that a text is made of, each id once: the one that was made last. */
function hintsIn(text: string, made: readonly Hint[]): Hint[] {
  const found = made.filter((hint) => text.includes(hint.text));
  // A short hint may be part of a longer one.
  const whole = found.filter((hint) =>
    !found.some((other) => other.text !== hint.text && other.text.includes(hint.text))
  );
  return [...new Map(whole.map((hint) => [hint.id, hint])).values()];
}
