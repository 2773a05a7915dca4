import type { Found } from "./shrinking.ts";
import { formatHistory } from "./step.ts";

/** What differs, for people, with the text of a file for `regressions`. */
export function reportOf(name: string, { steps, difference }: Found): string {
  const { make, what, ours, theirs } = difference;
  return [
    `${name}: ${what} differs from ${make}`,
    `ours:   ${ours}`,
    `theirs: ${theirs}`,
    "To keep it, save this as e2e/compat/regressions/<what it shows>.json:",
    formatHistory(steps),
  ].join("\n");
}
