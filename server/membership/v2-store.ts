// The tree of etcd's former v2 API, as far as it says who is a member: a Go member of 3.4 and 3.5
// reads it out of every snapshot message. Watchers and statistics of that tree stay out: a reader
// fills them in, whereas a watcher history that is not full would end its process.
import { hexId } from "../base/bytes.ts";
import { attributesJson, isStarted, type Member, raftAttributesJson } from "./member-record.ts";

interface StoreNode {
  readonly Path: string;
  readonly CreatedIndex: number;
  readonly ModifiedIndex: number;
  readonly ExpireTime: string;
  readonly Value: string;
  readonly Children: Readonly<Record<string, StoreNode>> | null;
}

const NEVER = "0001-01-01T00:00:00Z";

/** The JSON that stands in `Snapshot.data`. */
export function encodeV2Store(
  members: readonly Member[],
  removed: Iterable<bigint>,
  clusterVersion: string | undefined,
): Buffer {
  const current = Object.fromEntries(members.map((member) => [hexId(member.id), entryOf(member)]));
  const gone: Record<string, StoreNode> = {};
  for (const id of removed) gone[hexId(id)] = file(`/0/removed_members/${hexId(id)}`, "");
  const cluster: Record<string, StoreNode> = {
    members: directory("/0/members", current),
    removed_members: directory("/0/removed_members", gone),
  };
  if (clusterVersion !== undefined) cluster.version = file("/0/version", clusterVersion);
  const root = directory("/", { "0": directory("/0", cluster), "1": directory("/1", {}) });
  return Buffer.from(JSON.stringify({ Root: root, CurrentIndex: 1, CurrentVersion: 2 }));
}

function entryOf(member: Member): StoreNode {
  const path = `/0/members/${hexId(member.id)}`;
  const files: Record<string, StoreNode> = {
    raftAttributes: file(`${path}/raftAttributes`, raftAttributesJson(member)),
  };
  if (isStarted(member)) files.attributes = file(`${path}/attributes`, attributesJson(member));
  return directory(path, files);
}

function directory(path: string, children: Readonly<Record<string, StoreNode>>): StoreNode {
  return { ...file(path, ""), Children: children };
}

function file(path: string, value: string): StoreNode {
  return {
    Path: path,
    CreatedIndex: 1,
    ModifiedIndex: 1,
    ExpireTime: NEVER,
    Value: value,
    Children: null,
  };
}
