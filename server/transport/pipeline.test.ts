import { createServer } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { SystemClock } from "../base/clock.ts";
import { decodeMessage } from "../proto/codec.ts";
import { BLANK_MESSAGE, type Message, MessageType } from "../raft/message.ts";
import { readBody } from "./peer-request.ts";
import { PeerUrls } from "./peer-urls.ts";
import { Pipeline } from "./pipeline.ts";

let arrived: MessageType[];
let pipeline: Pipeline;
const server = createServer((request, response) => {
  void readBody(request, 1_000_000).then((body) => {
    const message = decodeMessage(body);
    if (message !== undefined) arrived.push(message.type);
    response.writeHead(204).end();
  });
});

beforeEach(async () => {
  arrived = [];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  pipeline = new Pipeline({
    headers: {},
    urls: new PeerUrls([`http://127.0.0.1:${address.port}`]),
    clock: new SystemClock(),
    sent: () => undefined,
    failed: (problem) => expect(problem).toBeUndefined(),
    removed: () => undefined,
  });
});

afterEach(async () => {
  pipeline.stop();
  await new Promise((resolve) => server.close(resolve));
});

test("a proposal overtakes what raft repeats, and finds room when there is none for that", async () => {
  const { HEARTBEAT_RESPONSE, PROPOSAL } = MessageType;
  const message = (type: MessageType): Message => ({
    ...BLANK_MESSAGE,
    type,
    to: 1n,
    from: 2n,
    entries: [{ type: 0, term: 0, index: 0, data: EMPTY_BYTES }],
  });
  let answers = 0;
  while (pipeline.push(message(HEARTBEAT_RESPONSE))) answers++;
  expect(answers).toBeGreaterThan(8);
  expect(pipeline.push(message(PROPOSAL))).toBe(true);
  await expect.poll(() => arrived.length).toBe(answers + 1);
  expect(arrived.indexOf(PROPOSAL)).toBeLessThan(8);
});
