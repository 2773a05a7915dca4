import { SORT_SLICE } from "../base/sorting.ts";
import type { Steps } from "../base/steps.ts";

/** The keys of such names, pausing. */
export function* keysNamed(names: readonly string[]): Steps<Buffer[]> {
  const keys: Buffer[] = [];
  for (const name of names) {
    if (keys.length > 0 && keys.length % SORT_SLICE === 0) yield;
    keys.push(Buffer.from(name, "latin1"));
  }
  return keys;
}
