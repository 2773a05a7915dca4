import type { Difference } from "./difference.ts";
import { isRef, type Message, type Step } from "./step.ts";

// A history that shows a difference, made small: first without steps that do not matter, in ever
// smaller pieces (delta debugging), then with fields left out of what remains.

/** A history, and the first difference in it. */
export interface Found {
  readonly steps: readonly Step[];
  readonly difference: Difference;
}

/** Resolves with what was found in the steps, or in some of them. */
export type Play = (steps: readonly Step[]) => Promise<Found | undefined>;

const PLAYS_MAX = 600;
/** What longer bytes are cut to. */
const SHORT_BYTES = 8;

/** Resolves with the smallest history that was found to differ, and how. */
export function shrunk(found: Found, play: Play): Promise<Found> {
  return new Shrinking(found, play).run();
}

class Shrinking {
  #best: Found;
  readonly #play: Play;
  #plays = 0;

  constructor(first: Found, play: Play) {
    this.#best = withoutRest(first);
    this.#play = play;
  }

  async run(): Promise<Found> {
    await this.#withoutSteps();
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = await this.#withoutFields();
      await this.#withoutSteps();
    }
    return this.#best;
  }

  async #withoutSteps(): Promise<void> {
    let piece = Math.ceil(this.#best.steps.length / 2);
    while (piece >= 1) {
      let hasShrunk = false;
      for (let at = 0; at < this.#best.steps.length; ) {
        const { steps } = this.#best;
        const isShorter = await this.#try([...steps.slice(0, at), ...steps.slice(at + piece)]);
        hasShrunk ||= isShorter;
        if (!isShorter) at += piece;
      }
      if (piece === 1 && !hasShrunk) return;
      piece = piece > 1 ? Math.floor(piece / 2) : 1;
    }
  }

  async #withoutFields(): Promise<boolean> {
    for (let at = this.#best.steps.length - 1; at >= 0; at--) {
      const step = this.#best.steps[at];
      if (step === undefined) continue;
      for (const smaller of smallerSteps(step)) {
        const { steps } = this.#best;
        if (await this.#try([...steps.slice(0, at), smaller, ...steps.slice(at + 1)])) return true;
      }
    }
    return false;
  }

  async #try(steps: readonly Step[]): Promise<boolean> {
    if (steps.length === 0 || this.#plays >= PLAYS_MAX) return false;
    this.#plays++;
    const found = await this.#play(steps);
    if (found === undefined || kindOf(found) !== kindOf(this.#best)) return false;
    this.#best = withoutRest(found);
    return true;
  }
}

/** What is to stay as it is when a history becomes smaller. */
function kindOf({ difference }: Found): string {
  const { make, what, theirs } = difference;
  const isEnd = theirs.startsWith('{"failure":{"status":14');
  return `${make} ${what.replace(/ as .*|\d+/g, "")} ${isEnd}`;
}

/** What comes after the difference does not matter. */
function withoutRest({ steps, difference }: Found): Found {
  const { at } = difference;
  return { steps: at < 0 ? steps : steps.slice(0, at + 1), difference };
}

function* smallerSteps(step: Step): Generator<Step> {
  const { as: caller, ...anonymous } = step;
  if (caller !== undefined) yield anonymous;
  if ("call" in step) {
    for (const request of smallerValues(step.request))
      yield { ...step, request: request as Message };
  } else if ("watch" in step) {
    for (const create of smallerValues(step.create)) yield { ...step, create: create as Message };
  }
}

/** The value with one field or item less, or with one of them made smaller. */
function* smallerValues(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    for (const at of value.keys()) yield [...value.slice(0, at), ...value.slice(at + 1)];
    for (const [at, item] of value.entries()) {
      for (const smaller of smallerValues(item)) yield value.with(at, smaller);
    }
    return;
  }
  if (Buffer.isBuffer(value)) {
    if (value.length > SHORT_BYTES) yield value.subarray(0, SHORT_BYTES);
    return;
  }
  if (typeof value !== "object" || value === null || isRef(value)) return;
  const fields = Object.entries(value);
  for (const [name] of fields) yield Object.fromEntries(fields.filter(([other]) => other !== name));
  for (const [name, inner] of fields) {
    for (const smaller of smallerValues(inner)) yield { ...value, [name]: smaller };
  }
}
