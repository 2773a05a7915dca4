// Sessions nobody would write. FUZZ_ROUNDS makes more of them.
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { Flag, FrameType, PREFACE } from "./protocol.ts";
import {
  block,
  data,
  frame,
  headers,
  message,
  OPENING,
  RawPeer,
  requestFields,
  TestBed,
  uint32,
  unary,
} from "./raw-peer.suite.ts";

const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150);
const PEERS_AT_ONCE = 16;

let bed: TestBed;
let witness: RawPeer;
let witnessed = 0;
beforeAll(async () => {
  bed = await TestBed.open({ messageBytesMax: 100_000 });
  witness = bed.peer();
});
afterAll(() => bed.close());

/** Another client, connected all the time, must not notice anything. */
async function expectUnharmed(): Promise<void> {
  const id = 2 * witnessed++ + 1;
  witness.write(unary(id, "/echo", `witness ${id}`));
  expect((await witness.answer(id)).body).toEqual(message(`witness ${id}`));
  witness.frames.length = 0;
}

/** Each session on a connection of its own; waits until the server is done with all of them. */
async function play(sessions: readonly Buffer[], random: SeededRandom): Promise<void> {
  for (let at = 0; at < sessions.length; at += PEERS_AT_ONCE) {
    const peers = sessions.slice(at, at + PEERS_AT_ONCE).map((session) => {
      const peer = new RawPeer(bed.port);
      for (let cut = 0; cut < session.length; ) {
        const next = cut + 1 + random.below(random.below(4) === 0 ? 20 : session.length);
        peer.socket.write(session.subarray(cut, next));
        cut = next;
      }
      peer.socket.end();
      return peer;
    });
    await Promise.all(peers.map((peer) => peer.closed()));
    await expectUnharmed();
  }
  await expect.poll(() => bed.server.connectionCount).toBe(1);
}

const PATHS = ["/echo", "/hold", "/fail", "/reply/5", "/reply/100000", "/nope"];

function anyOf<T>(items: readonly T[], random: SeededRandom): T {
  return items[random.below(items.length)] as T;
}

/** A frame that could be right, on a stream that could exist. */
function plausibleFrame(random: SeededRandom): Buffer {
  const id = random.below(8) === 0 ? random.below(12) : 2 * random.below(6) + 1;
  const flags = random.below(3) === 0 ? random.below(256) : anyOf([0, 1, 4, 5], random);
  const fields = requestFields(anyOf(PATHS, random), { "x-n": String(random.below(3)) });
  switch (random.below(11)) {
    case 0:
    case 1:
    case 2:
      return frame(FrameType.HEADERS, flags, id, block(fields));
    case 3:
      return frame(FrameType.HEADERS, Flag.END_HEADERS, id, block(fields));
    case 4:
    case 5:
      return frame(FrameType.DATA, flags, id, message(random.bytes(random.below(300))));
    case 6:
      return data(id, message(random.bytes(2000)).subarray(0, random.below(2000)));
    case 7:
      return frame(FrameType.WINDOW_UPDATE, 0, id, uint32(random.below(0x8000_0000)));
    case 8: {
      const setting = Buffer.concat([Buffer.from([0, random.below(7)]), uint32(random.below(1e5))]);
      return frame(FrameType.SETTINGS, 0, 0, setting);
    }
    case 9:
      return frame(FrameType.RST_STREAM, 0, id, uint32(8));
    default:
      return frame(random.below(12), flags, id, random.bytes(random.below(12)));
  }
}

function plausibleSession(random: SeededRandom): Buffer {
  const frames = Array.from({ length: 1 + random.below(25) }, () => plausibleFrame(random));
  return Buffer.concat([OPENING, ...frames]);
}

const VALID = Buffer.concat([
  OPENING,
  frame(FrameType.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(100_000)])),
  headers(1, "/echo"),
  data(1, message("first")),
  headers(3, "/reply/70000", 0),
  frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, block({ "x-more": "y" })),
  data(3, message("x"), Flag.END_STREAM),
  frame(FrameType.PING, 0, 0, Buffer.alloc(8)),
  frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(100_000)),
  data(1, message(Buffer.alloc(500)).subarray(0, 100)),
  data(1, message(Buffer.alloc(500)).subarray(100), Flag.END_STREAM),
]);

/** The valid session with a few bytes changed, removed, doubled or swapped for others. */
function mutant(random: SeededRandom): Buffer {
  let bytes = Buffer.from(VALID);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = PREFACE.length + random.below(bytes.length - PREFACE.length);
    const length = 1 + random.below(12);
    const tail = bytes.subarray(at + length);
    switch (random.below(4)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), tail]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(length), tail]);
    }
  }
  return bytes;
}

test.each<[string, number, (random: SeededRandom) => Buffer]>([
  ["random bytes", 11, (random) => random.bytes(random.below(300))],
  [
    "random bytes behind the preface",
    12,
    (random) => Buffer.concat([OPENING, random.bytes(random.below(300))]),
  ],
  ["plausible frames in any order", 13, plausibleSession],
  ["a valid session, mutated", 14, mutant],
])("%s harm neither the server nor another client", async (_name, seed, session) => {
  const random = new SeededRandom(seed + 1000 * Number(process.env["FUZZ_SEED"] ?? 0));
  await play(
    Array.from({ length: ROUNDS }, () => session(random)),
    random,
  );
  expect(bed.errors).toEqual([]);
  expect(bed.app.calls.length).toBeGreaterThan(0);
  expect(bed.server.heldBytes).toBe(0);
});
