import type { Make } from "../../harness/member-process.ts";
import type { Transcript } from "./player.ts";
import type { Step } from "./step.ts";

export interface Difference {
  /** Whose answer differs from ours. */
  readonly make: Make;
  /** Where in the history; -1 for what was watched. */
  readonly at: number;
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
  for (const [at, step] of steps.entries()) {
    const pair = { ours: ours.answers[at] ?? "", theirs: theirs.answers[at] ?? "" };
    if (pair.ours !== pair.theirs) yield { make, at, step, what: nameOf(step), ...pair };
  }
  for (const [handle, events] of ours.watched) {
    const others = theirs.watched.get(handle) ?? [];
    const at = events.findIndex((event, index) => event !== others[index]);
    const first = at < 0 ? events.length : at;
    if (at < 0 && others.length === events.length) continue;
    const pair = { ours: events[first] ?? "(nothing)", theirs: others[first] ?? "(nothing)" };
    yield { make, at: -1, step: undefined, what: `event ${first} of watch ${handle}`, ...pair };
  }
  for (const [stream, text] of ours.progress) {
    const pair = { ours: text, theirs: theirs.progress.get(stream) ?? text };
    if (pair.ours === pair.theirs) continue;
    yield { make, at: -1, step: undefined, what: `progress of stream ${stream}`, ...pair };
  }
}

function nameOf(step: Step): string {
  if ("call" in step) return step.call;
  if ("watch" in step) return "the creation of a watch";
  return "cancel" in step ? "the end of a watch" : "a keep-alive";
}
