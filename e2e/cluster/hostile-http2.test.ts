import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../server/http2/limits.ts";
import { Flag, FrameType, PREFACE } from "../../server/http2/protocol.ts";
import { Crowd, type CrowdReport } from "../harness/crowd.ts";
import {
  dataFrame,
  type Frame,
  frame,
  framesOf,
  goodbyeOf,
  hasPong,
  openedCall,
  PING,
  PUT_HEADERS,
  SETTINGS,
} from "../harness/http2-bytes.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";
import { exchanges } from "../harness/raw-exchange.ts";

// What costs a client of HTTP/2 nothing and a member something, from many connections at once: each
// of them ends with the reason, and nobody else notices.

const LIMIT_MS = 20_000;
/** Every one of ten thousand settings is acknowledged before it is one too many. */
const ANSWER_BYTES = 128 * 1024;
/** More than a call may take before it is told of. */
const SLOW_MS = 400;
const MIB = 1024 * 1024;
const [PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR] = [1, 3, 6, 9];
const [REFUSED_STREAM, ENHANCE_YOUR_CALM] = [7, 11];

let cluster: ClusterProcess;
let member: MemberProcess;
let ordeal: Ordeal;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 1 });
  member = cluster.member(0);
  ordeal = await Ordeal.begin(member, [`${member.clientUrl}/health`]);
});

afterAll(async () => {
  ordeal?.close();
  await cluster?.stop();
});

const EMPTY = Buffer.alloc(0);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function repeat(bytes: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

const FLOODED = 20_000;
const resets = Array.from({ length: 25_000 }, (_, at) => {
  const stream = 2 * at + 1;
  return Buffer.concat([openedCall(stream), frame(FrameType.RST_STREAM, 0, stream, uint32(8))]);
});
const window = (increment: number) => frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(increment));
const openBlock = frame(FrameType.HEADERS, 0, 1, EMPTY);
const byte = dataFrame(Buffer.alloc(1));

const FLOODS: readonly [name: string, code: number, bytes: Buffer, size?: number][] = [
  ["settings", ENHANCE_YOUR_CALM, repeat(SETTINGS, FLOODED)],
  ["pings", ENHANCE_YOUR_CALM, repeat(frame(FrameType.PING, 0, 0, Buffer.alloc(8)), FLOODED)],
  ["priorities", ENHANCE_YOUR_CALM, repeat(frame(2, 0, 1, Buffer.alloc(5)), FLOODED)],
  ["frames that nobody knows", ENHANCE_YOUR_CALM, repeat(frame(0x42, 0, 1, EMPTY), FLOODED)],
  ["windows moved by a byte", ENHANCE_YOUR_CALM, repeat(window(1), FLOODED)],
  ["a window moved too far", FLOW_CONTROL_ERROR, repeat(window(0x7fff_ffff), 2)],
  [
    "frames of data without any",
    ENHANCE_YOUR_CALM,
    Buffer.concat([openedCall(), repeat(dataFrame(EMPTY), FLOODED)]),
  ],
  [
    "a message in frames of a byte",
    ENHANCE_YOUR_CALM,
    Buffer.concat([openedCall(), dataFrame(Buffer.from([0, 0, 16, 0, 0])), repeat(byte, 60_000)]),
  ],
  [
    "headers that go on and on",
    ENHANCE_YOUR_CALM,
    Buffer.concat([
      openBlock,
      repeat(frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(1, 0x82)), 1_000),
    ]),
  ],
  [
    "headers that cannot be read",
    COMPRESSION_ERROR,
    frame(1, Flag.END_HEADERS, 1, uint32(-1 >>> 0)),
  ],
  ["a frame too long", FRAME_SIZE_ERROR, frame(FrameType.DATA, 0, 1, EMPTY, 0xff_ffff)],
  ["data for nothing", PROTOCOL_ERROR, dataFrame(Buffer.alloc(16_000))],
  ["calls that are reset at once", ENHANCE_YOUR_CALM, Buffer.concat(resets), 3],
];

/** The codes with which connections were told to go; undefined where one was not. */
function goodbyes(answers: readonly string[]): Set<number | undefined> {
  return new Set(answers.map((answer) => goodbyeOf(Buffer.from(answer, "latin1"))));
}

async function flood(floods: readonly Buffer[], size: number): Promise<CrowdReport> {
  const says = floods.map((bytes) => Buffer.concat([PREFACE, SETTINGS, bytes]));
  const port = member.options.clientPort;
  const plan = { size, atOnce: 10, hosts: 3, port, says, answerBytes: ANSWER_BYTES };
  const crowd = await Crowd.come(plan);
  const report = await crowd.until(({ closed }) => closed === size, LIMIT_MS);
  await crowd.leave();
  return report;
}

test.each(FLOODS)("%s: the connection ends with %i", async (_name, code, bytes, size = 50) => {
  await ordeal.during(async () => {
    const { closed, answers } = await flood([bytes], size);
    expect(closed).toBe(size);
    expect(goodbyes(answers)).toEqual(new Set([code]));
  });
});

/** Three connections, each with so many calls that never end and a PING behind them. */
function begin(count: number): Promise<Buffer[]> {
  const calls = Array.from({ length: count }, (_, at) => openedCall(2 * at + 1));
  const says = Buffer.concat([PREFACE, SETTINGS, ...calls, PING]);
  return exchanges(member.clientUrl, [says, says, says], { isEnough: hasPong });
}

function refusedCalls(heard: Buffer): number {
  const isRefusal = ({ type, payload }: Frame) =>
    type === FrameType.RST_STREAM && payload.readUInt32BE() === REFUSED_STREAM;
  return framesOf(heard).filter(isRefusal).length;
}

test("thirty thousand calls that are begun on a connection: the excess is refused", async () => {
  const { streamsMax } = DEFAULT_LIMITS;
  await ordeal.during(async () => {
    for (const heard of await begin(30_000)) {
      expect(refusedCalls(heard)).toBe(30_000 - streamsMax);
      expect(goodbyeOf(heard)).toBeUndefined();
      expect(hasPong(heard)).toBe(true);
    }
  });
});

test("a hundred thousand of them: the connection ends with ENHANCE_YOUR_CALM", async () => {
  await ordeal.during(async () => {
    for (const heard of await begin(100_000)) {
      expect(refusedCalls(heard)).toBeGreaterThanOrEqual(DEFAULT_LIMITS.resetsBurst);
      expect(goodbyeOf(heard)).toBe(ENHANCE_YOUR_CALM);
    }
  });
});

/** The status that a call with this message ends with. */
function put(bytes: Buffer, headers: Readonly<Record<string, string>>): Promise<unknown> {
  return new Promise((resolve) => {
    const session = connectHttp2(member.clientUrl);
    const call = session.request({ ...PUT_HEADERS, ...headers });
    let status: unknown;
    const take = (fields: Record<string, unknown>) => {
      status ??= fields["grpc-status"];
    };
    call.on("response", take);
    call.on("trailers", take);
    call.on("error", () => call.destroy());
    call.on("close", () => {
      session.destroy();
      resolve(status);
    });
    call.resume();
    const head = Buffer.from([1, 0, 0, 0, 0]);
    head.writeUInt32BE(bytes.length, 1);
    call.end(Buffer.concat([head, bytes]));
  });
}

const bomb = gzipSync(Buffer.alloc(200 * MIB));

async function bombard(): Promise<void> {
  const calls = Array.from({ length: 20 }, () => put(bomb, { "grpc-encoding": "gzip" }));
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["8"]));
}

test("messages that grow a thousand times when they are unpacked are refused before", async () => {
  await ordeal.during(bombard);
});

test("when they are gone, so is what they took", async () => {
  await ordeal.outlasts(async () => {
    await flood(
      FLOODS.map(([, , bytes]) => bytes),
      5 * FLOODS.length,
    );
    await bombard();
    await begin(30_000);
  });
});

test("what comes late and cannot be read is refused, and the member goes on", async () => {
  const session = connectHttp2(member.clientUrl);
  const broken = Buffer.from("00000000020801", "hex");
  // Slow enough to be told of in the log, which would read them once more.
  const late = ["KV/Range", "KV/DeleteRange", "KV/Put", "KV/Txn"].map(async (method) => {
    const call = session.request({
      ":method": "POST",
      ":path": `/etcdserverpb.${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    await delay(SLOW_MS);
    call.end(broken);
    const [trailers] = (await once(call, "response")) as [Record<string, string>];
    call.close();
    return trailers["grpc-status"];
  });
  expect(await Promise.all(late)).toEqual(["13", "13", "13", "13"]);
  session.close();
  expect(member.isRunning).toBe(true);
  expect((await fetch(`${member.clientUrl}/health`)).ok).toBe(true);
});
