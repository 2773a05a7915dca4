import type { Make } from "../../harness/member-process.ts";
import type { Transcript } from "./player.ts";
import type { Step } from "./step.ts";

export interface Difference {
  /** Whose answer differs from ours. */
  readonly make: Make;
  /** Where in the history; -1 for what is known only at its end. */
  readonly at: number;
  /** What was answered, or began to watch. */
  readonly step: Step | undefined;
  /** What differs, for people. */
  readonly what: string;
  readonly ours: string;
  readonly theirs: string;
}

/** Between two transcripts of one history. */
export function* differencesOf(
  make: Make,
  steps: readonly Step[],
  ours: Transcript,
  theirs: Transcript,
): Generator<Difference> {
  const answered = new Set<number>();
  for (const [at, step] of steps.entries()) {
    const pair = { ours: ours.answers[at] ?? "", theirs: theirs.answers[at] ?? "" };
    if (pair.ours !== pair.theirs) yield { make, at, step, what: nameOf(step), ...pair };
    else answered.add(at);
  }
  for (const [watching, events] of ours.watched) {
    // What is not watched at one of the two differs in its creation.
    if (!answered.has(watching)) continue;
    const others = theirs.watched.get(watching) ?? [];
    const at = events.findIndex((event, index) => event !== others[index]);
    const first = at < 0 ? events.length : at;
    if (at < 0 && others.length === events.length) continue;
    const pair = { ours: events[first] ?? "(nothing)", theirs: others[first] ?? "(nothing)" };
    const what = `event ${first} of the watch of step ${watching}`;
    yield { make, at: -1, step: steps[watching], what, ...pair };
  }
  for (const [stream, text] of ours.progress) {
    const pair = { ours: text, theirs: theirs.progress.get(stream) ?? text };
    if (pair.ours === pair.theirs) continue;
    yield { make, at: -1, step: undefined, what: `progress of stream ${stream}`, ...pair };
  }
}

function nameOf(step: Step): string {
  const caller = step.as === undefined ? "" : ` as ${step.as}`;
  if ("call" in step) return `${step.call}${caller}`;
  if ("watch" in step) return `the creation of a watch${caller}`;
  if ("observe" in step) return `the observation of an election${caller}`;
  return "cancel" in step ? "the end of a watch" : `a keep-alive${caller}`;
}
