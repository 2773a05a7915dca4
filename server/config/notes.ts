// What a member says about its configuration before it starts: etcd's lines, with etcd's fields.
import { formatByteSize } from "../base/byte-size.ts";
import { formatDuration, formatMs } from "../base/duration.ts";
import { type Config, SNAPSHOT_COUNT_DEFAULT } from "../config.ts";
import type { Given, Note } from "./given.ts";

const QUOTA_BYTES_RECOMMENDED_MAX = 8 * 1024 ** 3;
const QUOTA_NAME = "v3-applier";
const REQUEST_BYTES_RECOMMENDED_MAX = 10 * 1024 ** 2;
const DEFAULT_NAME_WARNING =
  "it isn't recommended to use default name, please set a value for --name. " +
  "Note that etcd might run into issue when multiple members have the same default name";
const CATCHUP_ENTRIES = "snapshot-catchup-entries";
export const CHECKPOINT_PERSIST = "experimental-enable-lease-checkpoint-persist";

/** Of a configuration that is not refused. */
export function notesOn(config: Config, given: Given): Note[] {
  const notes: Note[] = [];
  const warn = (message: string, fields?: Note["fields"]) =>
    notes.push({ level: "warn", message, ...(fields === undefined ? {} : { fields }) });
  for (const flag of ["raft-read-timeout", "raft-write-timeout"]) {
    const used = flag === "raft-read-timeout" ? config.raftReadMs : config.raftWriteMs;
    if (given.durationMs(flag) >= used) continue;
    const message = `${flag} increased to minimum value: ${formatMs(used)}`;
    notes.push({ level: "info", message });
  }
  if (config.listenClientHttpUrls.length === 0) {
    warn("Running http and grpc server on single port. This is not recommended for production.");
  }
  if (config.leaseCheckpoint && !given.bool(CHECKPOINT_PERSIST)) {
    warn(
      "Detected that checkpointing is enabled without persistence. Consider enabling " +
        "experimental-enable-lease-checkpoint-persist",
    );
  }
  if (given.number(CATCHUP_ENTRIES) === 0) {
    notes.push({
      level: "info",
      message: "updating snapshot catch-up entries to default",
      fields: {
        [`given-${CATCHUP_ENTRIES}`]: 0,
        [`updated-${CATCHUP_ENTRIES}`]: config.snapshotCatchupEntries,
      },
    });
  }
  if (config.snapshotCount === 0) {
    notes.push({
      level: "info",
      message: "updating snapshot-count to default",
      fields: { "given-snapshot-count": 0, "updated-snapshot-count": SNAPSHOT_COUNT_DEFAULT },
    });
  }
  notes.push(...batchNotes(given));
  if (given.text("data-dir") === "") {
    warn("'data-dir' was empty; using default", { "data-dir": config.dataDir });
  }
  if (config.name === "default") warn(DEFAULT_NAME_WARNING);
  const { requestBytesMax, watchProgressNotifyMs } = config;
  if (requestBytesMax > REQUEST_BYTES_RECOMMENDED_MAX) {
    warn("exceeded recommended request limit", {
      "max-request-bytes": requestBytesMax,
      "max-request-size": formatByteSize(requestBytesMax),
      "recommended-request-bytes": REQUEST_BYTES_RECOMMENDED_MAX,
      "recommended-request-size": formatByteSize(REQUEST_BYTES_RECOMMENDED_MAX),
    });
  }
  const progressMs = given.durationMs("watch-progress-notify-interval");
  if (progressMs > 0 && progressMs < watchProgressNotifyMs) {
    warn("adjusting watch progress notify interval to minimum period", {
      "min-watch-progress-notify-interval": formatMs(watchProgressNotifyMs),
    });
  }
  return [...notes, ...quotaNotes(config.quotaBytes, given.number("quota-backend-bytes"))];
}

function batchNotes(given: Given): Note[] {
  const notes: Note[] = [];
  const limit = given.number("backend-batch-limit");
  const interval = given.durationNs("backend-batch-interval");
  const note = (message: string, fields: Note["fields"] & object) =>
    notes.push({ level: "info", message, fields });
  if (limit !== 0) note("setting backend batch limit", { "batch limit": limit });
  if (interval !== 0n) {
    note("setting backend batch interval", { "batch interval": formatDuration(interval) });
  }
  return notes;
}

function quotaNotes(bytes: number, asked: number): Note[] {
  const size = bytes < 0 ? {} : { "quota-size": formatByteSize(bytes) };
  const fields = { "quota-name": QUOTA_NAME, "quota-size-bytes": bytes, ...size };
  if (bytes < 0) return [{ level: "info", message: "disabled backend quota", fields }];
  const enabled =
    asked === 0 ? "enabled backend quota with default value" : "enabled backend quota";
  const note: Note = { level: "info", message: enabled, fields };
  if (bytes <= QUOTA_BYTES_RECOMMENDED_MAX) return [note];
  const limit = {
    "quota-maximum-size-bytes": QUOTA_BYTES_RECOMMENDED_MAX,
    "quota-maximum-size": formatByteSize(QUOTA_BYTES_RECOMMENDED_MAX),
  };
  const message = "quota exceeds the maximum value";
  return [{ level: "warn", message, fields: { ...fields, ...limit } }, note];
}
