/**
 * What JSON leaves as it is, and a terminal obeys or hides: control characters beyond ASCII's first
 * 32, the two line separators, and what formats (direction, joiners, tags).
 */
const UNSEEN = /[\u007f-\u009f\u2028\u2029\p{Cf}]/gu;

/** A line of JSON in the console's log: who did, or tried, what. Never with a secret or a value. */
export function tell(msg: string, facts: Readonly<Record<string, unknown>>): void {
  const time = new Date().toISOString();
  const line = JSON.stringify({ level: "info", msg, time, ...facts });
  process.stdout.write(`${line.replace(UNSEEN, escaped)}\n`);
}

/** In JSON all of these stand within strings. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
