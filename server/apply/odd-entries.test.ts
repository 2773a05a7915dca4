import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { finish, isSteps } from "../base/steps.ts";
import { additionOf } from "../membership/conf-changes.ts";
import { encodeInternal, encodeV2Put, InternalField } from "../proto/internal-codec.ts";
import { WireType, writeUint, writeUint64 } from "../proto/wire.ts";
import { EntryType } from "../raft/entry.ts";
import { applierOf, stateOn } from "./state-machine.suite.ts";

// An entry that ends a member ends it again at every start, and the others with it.

const ENTRIES = 10_000;
const TEXTS = ["", "\0", "a", "b", "root", "x", "3.5.0", "9.9.0", "eA==", "http://a:1"];
const NUMBERS = [0n, 1n, 2n, 3n, 5n, 77n, 1n << 31n, 1n << 53n, (1n << 63n) - 1n, (1n << 64n) - 1n];

/** Fields of low numbers and any content: what decodes of it is a request like any other. */
function message(random: SeededRandom, depth: number): Buffer {
  const parts: Buffer[] = [];
  for (let count = random.below(6); count > 0; count--) {
    const field = 1 + random.below(9);
    const isNested = random.below(2) === 0 && depth > 0;
    if (random.below(3) === 0) {
      const bytes = Buffer.alloc(12);
      bytes[0] = field << 3;
      const end = writeUint64(bytes, 1, NUMBERS[random.below(NUMBERS.length)] ?? 0n);
      parts.push(bytes.subarray(0, end));
      continue;
    }
    const text = TEXTS[random.below(TEXTS.length)] ?? "";
    const content = isNested ? message(random, depth - 1) : Buffer.from(text);
    const head = Buffer.alloc(6);
    head[0] = (field << 3) | WireType.BYTES;
    parts.push(head.subarray(0, writeUint(head, 1, content.length)), content);
  }
  return Buffer.concat(parts);
}

test("whatever is taken for the log can be applied, whatever was before it", () => {
  const random = new SeededRandom(11);
  const state = stateOn();
  const applier = applierOf(state);
  const one = { id: 1n, peerUrls: ["http://a:1"], isLearner: false, name: "", clientUrls: [] };
  state.membership.apply(additionOf(one, 1n));
  const all = Object.values(InternalField);
  // An alarm would have most of the rest refused.
  const calm = all.filter((field) => field !== InternalField.ALARM);
  let index = 0;
  let succeeded = 0;
  for (let count = 0; count < ENTRIES; count++) {
    const request = message(random, 4);
    const fields = count < ENTRIES / 2 ? calm : all;
    const field = fields[random.below(fields.length)] ?? InternalField.PUT;
    const path = random.below(2) === 0 ? "/0/version" : "/0/members/1/attributes";
    const data =
      random.below(20) === 0
        ? encodeV2Put(5n, path, TEXTS[random.below(TEXTS.length)] ?? "")
        : encodeInternal(field, request, 5n, "root", Math.max(0, state.auth.revision));
    if (!applier.canApply({ type: EntryType.NORMAL, data })) continue;
    const result = applier.apply({ type: EntryType.NORMAL, term: 1, index: ++index, data });
    const applied = isSteps(result) ? finish(result) : result;
    if (applied?.outcome.error === undefined) succeeded++;
  }
  expect(state.applied.index).toBe(index);
  expect(succeeded).toBeGreaterThan(300);
});
