import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseFile } from "../../../server/bbolt/database-file.ts";
import { Role, User } from "../../../server/proto/gen/auth.ts";
import { KeyValue } from "../../../server/proto/gen/kv.ts";
import { Lease } from "../../../server/proto/gen/lease.ts";
import {
  AlarmMember,
  MaintenanceDefinition,
  SnapshotRequest,
  type SnapshotResponse,
} from "../../../server/proto/gen/rpc.ts";
import type { RpcClient } from "../../harness/rpc-client.ts";

const TRAILER_BYTES = 32;
/** Of a record's key: the revision's two numbers with a stroke between, and a mark if it deletes. */
const PLAIN_RECORD_BYTES = 17;

/**
 * A snapshot as far as two servers can have the same: that it is whole, and what it holds.
 * @param compacted the revision up to which old records may be gone
 */
export async function takeSnapshot(
  client: RpcClient,
  token: string | undefined,
  compacted: number,
): Promise<unknown> {
  const { snapshot } = MaintenanceDefinition.methods;
  const request = SnapshotRequest.fromPartial({});
  const stream = client.responses(MaintenanceDefinition, snapshot, request, token);
  const parts: Buffer[] = [];
  let remaining = 0;
  try {
    for await (const { blob, remainingBytes } of stream as AsyncIterable<SnapshotResponse>) {
      parts.push(blob);
      remaining = Number(remainingBytes);
    }
  } catch (error) {
    const { code, details } = error as { code: number; details: string };
    return { failure: { status: code, text: details } };
  }
  const bytes = Buffer.concat(parts);
  const database = bytes.subarray(0, -TRAILER_BYTES);
  const hash = createHash("sha256").update(database).digest();
  return {
    isWhole: hash.equals(bytes.subarray(-TRAILER_BYTES)) && remaining === 0,
    content: await contentOf(database, compacted),
  };
}

async function contentOf(database: Buffer, compacted: number): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "quorate-snapshot-"));
  try {
    const path = join(folder, "db");
    await writeFile(path, database);
    const file = DatabaseFile.open(path);
    try {
      await file.check();
      return {
        records: [...records(file, compacted)],
        leases: [...file.scan("lease")].map(([, value]) => Lease.decode(value)),
        users: [...file.scan("authUsers")].map(([, value]) => withoutHash(User.decode(value))),
        roles: [...file.scan("authRoles")].map(([, value]) => Role.decode(value)),
        isAuthEnabled: [...file.scan("auth")]
          .filter(([key]) => key.toString() === "authEnabled")
          .map(([, value]) => value),
        alarms: [...file.scan("alarm")].map(([key]) => AlarmMember.decode(key)),
      };
    } finally {
      file.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Of what compaction may take, and takes later, only what it leaves: of every key the newest. */
function* records(file: DatabaseFile, compacted: number): Generator<unknown> {
  const kept = new Map<string, unknown>();
  const newer: unknown[] = [];
  for (const [at, value] of file.scan("key")) {
    const revision = Number(at.readBigUInt64BE(0));
    const isDeletion = at.length > PLAIN_RECORD_BYTES;
    const kv = KeyValue.decode(value);
    const record = { at, kv };
    const name = kv.key.toString("latin1");
    if (revision > compacted) {
      newer.push(record);
      continue;
    }
    // What is written anew stands where it stands when the older record is gone.
    kept.delete(name);
    if (!isDeletion) kept.set(name, record);
  }
  yield* kept.values();
  yield* newer;
}

/** The salt in it is chance. */
function withoutHash({ name, roles, options }: User): unknown {
  return { name, roles, options };
}
