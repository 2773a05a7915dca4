import { expect, test } from "vitest";
import { Status } from "../errors.ts";
import type { WatchEvent } from "../watch/watch-event.ts";
import { WatchResponses } from "./watch-responses.ts";

const MIB = 1024 * 1024;

function fixture() {
  const header = (revision: number) => ({ clusterId: 1n, memberId: 1n, revision, raftTerm: 1 });
  const responses = new WatchResponses(header, 2 * MIB);
  const part = Buffer.alloc(64 * MIB);
  const event = { encoded: () => part } as unknown as WatchEvent;
  const sizes: number[] = [];
  const tell = (count: number, takesFragments: boolean) => {
    const events = Array.from({ length: count }, () => event);
    responses.events({ id: 0n, wantsPrevious: true, takesFragments }, 2, events, (pieces) => {
      const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
      sizes.push(Math.floor(bytes / MIB));
    });
  };
  return { sizes, tell };
}

test("what may not be split and is too large to be held whole is refused", () => {
  const { sizes, tell } = fixture();
  expect(() => tell(8, false)).toThrow(
    expect.objectContaining({
      status: Status.RESOURCE_EXHAUSTED,
      message: expect.stringMatching(
        /^trying to send message larger than max \(\d+ vs\. 536870912\)$/,
      ),
    }),
  );
  expect(sizes).toEqual([]);
});

test("what may be split comes in parts, however large it is", () => {
  const { sizes, tell } = fixture();
  tell(2, true);
  expect(sizes).toEqual([64, 64]);
});
