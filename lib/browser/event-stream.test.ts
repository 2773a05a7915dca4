import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamParser } from "./event-stream.ts";

const wire =
  ": heartbeat\n\nevent: open\ndata: {}\n\nid: 7\r\nevent: change\r\ndata: a\r\ndata: b\r\n\r\ndata:x\n\n";
const messages = [
  { event: "open", data: "{}", id: undefined },
  { event: "change", data: "a\nb", id: "7" },
  { event: "message", data: "x", id: undefined },
];

test("messages are the same however the network cuts them", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(wire.length), { maxLength: 20 }), (cuts) => {
      const parser = new StreamParser();
      const edges = [0, ...cuts.toSorted((a, b) => a - b), wire.length];
      const found = edges.slice(1).flatMap((end, at) => parser.push(wire.slice(edges[at], end)));
      expect(found).toEqual(messages);
    }),
  );
});

test("a message is delivered only when its blank line has come", () => {
  const parser = new StreamParser();
  expect(parser.push("event: change\ndata: a\n")).toEqual([]);
  expect(parser.push("\n")).toEqual([{ event: "change", data: "a", id: undefined }]);
});
