import fc from "fast-check";
import { INT64_MAX, INT64_MIN, key, rangeEnd, sometimes } from "./key-value-steps.ts";
import type { Message, Ref, Step } from "./step.ts";

const WATCHES = 12;

const watched = {
  key,
  rangeEnd,
  prevKv: sometimes,
  progressNotify: sometimes,
  fragment: sometimes,
  filters: fc.constantFrom<number[]>([], [], [], [0], [1], [0, 1], [1, 1], [5]),
};
const handle = fc.nat(WATCHES - 1);

/** Not -1: no client could tell its events from answers about progress. */
const OWN_IDS = [0n, 0n, 0n, 1_000n, 1_001n, INT64_MAX, INT64_MIN];
const presentWatch: fc.Arbitrary<Step> = fc.record({
  watch: handle,
  create: fc.record({ ...watched, watchId: fc.constantFrom(...OWN_IDS) }),
});

const kept = (min: number, max: number) =>
  fc.integer({ min, max }).map((n): Ref => ({ ref: "kept", n }));
const startRevision: fc.Arbitrary<Ref | number | bigint> = fc.oneof(
  { weight: 10, arbitrary: kept(1, 60) },
  { weight: 2, arbitrary: kept(-3, 0) },
  { weight: 3, arbitrary: kept(1, 400) },
  { weight: 2, arbitrary: fc.constantFrom<number | bigint>(1, 2 ** 40, INT64_MAX, -1, INT64_MIN) },
);
/** Under no id of its own: real etcd does not give it free when compaction ends the watch. */
const pastWatch: fc.Arbitrary<Step> = fc.record({
  watch: handle,
  create: fc.record({ ...watched, startRevision }),
});

export const watchSteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: presentWatch },
  { weight: 5, arbitrary: pastWatch },
  { weight: 2, arbitrary: handle.map((cancel) => ({ cancel })) },
);

const BIG = Buffer.from("big/");
const BIG_END = Buffer.from("big0");
/** Below what one request may have, and with what was there before, above what one answer has. */
const BIG_PARTS = 7;
const BIG_PART_BYTES = 200_000;

/** Events of one revision that do not fit into one response, for who takes them in parts or not. */
export const longEvents: fc.Arbitrary<Step[]> = fc.record({ isPast: sometimes }).map((chosen) => {
  const all = { key: BIG, rangeEnd: BIG_END };
  const watches = [true, false].map((fragment, at): Step => {
    const create: Message = { ...all, prevKv: true, fragment };
    return { watch: at, create: chosen.isPast ? { ...create, startRevision: KEPT_NEXT } : create };
  });
  const writes = [Buffer.alloc(BIG_PART_BYTES, "x"), Buffer.alloc(BIG_PART_BYTES, "y")].map(
    (value): Step => ({
      call: "KV/Txn",
      request: {
        success: Array.from({ length: BIG_PARTS }, (_, at) => ({
          requestPut: { key: Buffer.concat([BIG, Buffer.from(String(at))]), value },
        })),
      },
    }),
  );
  const end: Step[] = [{ cancel: 0 }, { cancel: 1 }, { call: "KV/DeleteRange", request: all }];
  return [...(chosen.isPast ? [...writes, ...watches] : [...watches, ...writes]), ...end];
});
const KEPT_NEXT: Ref = { ref: "kept", n: 1 };
