/** By the number of a type. */
const NAMES: readonly string[] = ["NONE", "NOSPACE", "CORRUPT"];

/**
 * A type of alarm as etcd prints it, the number of one that it does not know: members of other
 * versions may raise such.
 */
export function alarmName(type: number): string {
  return NAMES[type] ?? String(type);
}
