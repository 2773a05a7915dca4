// Lines of the log that operators' tools look for: one member of each make is made to write them,
// and they say the same under the same names.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterProcess, etcdctl, type Make } from "../harness/member-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const LINE_LIMIT_MS = 10_000;
const FLAGS = [
  "--quota-backend-bytes=8589934593",
  "--max-request-bytes=10485761",
  "--experimental-watch-progress-notify-interval=1ms",
];

let members: readonly ClusterProcess[];

beforeAll(async () => {
  members = await Promise.all(
    MAKES.map((make) => ClusterProcess.start({ make, size: 1, flags: FLAGS })),
  );
});
afterAll(() => Promise.all(members.map((member) => member.stop())));

type Line = Readonly<Record<string, unknown>>;

/** All that a member has written with this message, without when and where it wrote it. */
function linesOf(member: ClusterProcess, message: string): readonly Line[] {
  return member
    .member(0)
    .output.split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === message)
    .map(({ ts: _ts, caller: _caller, ...line }) => line);
}

async function firstLine(member: ClusterProcess, message: string): Promise<Line> {
  for (const deadline = performance.now() + LINE_LIMIT_MS; performance.now() < deadline; ) {
    const [line] = linesOf(member, message);
    if (line !== undefined) return line;
    await delay(50);
  }
  throw new Error(`nobody wrote ${message}:\n${member.member(0).output}`);
}

test.each([
  "quota exceeds the maximum value",
  "enabled backend quota",
  "exceeded recommended request limit",
  "adjusting watch progress notify interval to minimum period",
])("at the start: %s", async (message) => {
  const [etcds, ours] = await Promise.all(members.map((member) => firstLine(member, message)));
  expect(ours).toEqual(etcds);
});

test("when a compaction is done", async () => {
  const message = "finished scheduled compaction";
  const [etcds, ours] = await Promise.all(
    members.map(async (member) => {
      for (const value of ["1", "2", "3"]) {
        await etcdctl(ETCD_35, member.endpoints, ["put", "key", value]);
      }
      await etcdctl(ETCD_35, member.endpoints, ["compaction", "3", "--physical"]);
      return firstLine(member, message);
    }),
  );
  // How long it took and how large a database is differ; what is hashed does not.
  const known = ({ msg, level, hash, "compact-revision": revision }: Line) => [
    msg,
    level,
    hash,
    revision,
  ];
  expect(known(ours ?? {})).toEqual(known(etcds ?? {}));
  expect(Object.keys(ours ?? {})).toEqual(Object.keys(etcds ?? {}));
  expect(ours?.["current-db-size"]).toMatch(/^\d+ kB$/);
});
