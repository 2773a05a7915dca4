import { expect, test } from "vitest";
import { type Log, type LogFields, SILENT_LOG } from "../base/log.ts";
import { PeerLines } from "./peer-lines.ts";

function logged() {
  const lines: (readonly [level: string, message: string, fields?: LogFields])[] = [];
  const log: Log = {
    ...SILENT_LOG,
    info: (message, fields = {}) => lines.push(["info", message, fields]),
    warn: (message, fields = {}) => lines.push(["warn", message, fields]),
  };
  return { lines, peer: new PeerLines(log, 0xan, 0xbn) };
}

const peerId = { "remote-peer-id": "b" };
const both = { "local-member-id": "a", ...peerId };

test("a peer that starts is told with its pipeline and its streams", () => {
  const { lines, peer } = logged();
  peer.starting(() => peer.readersStarted());
  expect(lines).toEqual([
    ["info", "starting remote peer", peerId],
    ["info", "started HTTP pipelining with remote peer", both],
    ["info", "started stream writer with remote peer", both],
    ["info", "started stream writer with remote peer", both],
    [
      "info",
      "started stream reader with remote peer",
      { "stream-reader-type": "stream MsgApp v2", ...both },
    ],
    [
      "info",
      "started stream reader with remote peer",
      { "stream-reader-type": "stream Message", ...both },
    ],
    ["info", "started remote peer", peerId],
  ]);
});

test("of a peer that stops, only a stream that was open is closed", () => {
  const { lines, peer } = logged();
  peer.stopping(() => ["message"], true);
  expect(lines.map(([level, message]) => `${level} ${message}`)).toEqual([
    "info stopping remote peer",
    "info stopped TCP streaming connection with remote peer",
    "warn closed TCP streaming connection with remote peer",
    "info stopped TCP streaming connection with remote peer",
    "info stopped HTTP pipelining with remote peer",
    "info stopped stream reader with remote peer",
    "info stopped stream reader with remote peer",
    "info stopped remote peer",
  ]);
});

test("streams that come and go are told by direction and kind", () => {
  const { lines, peer } = logged();
  const writer = { "stream-writer-type": "stream MsgApp v2", ...both };
  const reader = { "stream-reader-type": "stream Message", ...both };
  peer.writerOpened("msgapp", false);
  peer.writerLost("msgapp");
  peer.readerOpened("message");
  peer.readerLost("message", "EOF");
  peer.inactive("message", "EOF");
  expect(lines).toEqual([
    ["info", "set message encoder", { from: "a", to: "b", "stream-type": "stream MsgApp v2" }],
    ["info", "established TCP streaming connection with remote peer", writer],
    ["warn", "lost TCP streaming connection with remote peer", writer],
    ["info", "established TCP streaming connection with remote peer", reader],
    ["warn", "lost TCP streaming connection with remote peer", { ...reader, error: "EOF" }],
    [
      "warn",
      "peer became inactive (message send to peer failed)",
      { "peer-id": "b", error: "failed to read b on stream Message (EOF)" },
    ],
  ]);
});
