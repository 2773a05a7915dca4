import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PutRequest, RangeRequest } from "../../server/proto/gen/rpc.ts";

const execute = promisify(execFile);

export type Operation = "put" | "get";

export interface LoadFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export const KEY: Buffer = Buffer.from("bench/key");
const VALUE = Buffer.alloc(256, "v");
/** Streams in flight on each connection. */
export const STREAMS = 10;

/**
 * Closed-loop load by h2load: one thread, `connections` × 10 requests in flight, one key, 256-byte
 * values. h2load calls every HTTP 200 a success, so the caller checks revisions on its own.
 */
export async function load(
  clientUrl: string,
  operation: Operation,
  connections: number,
  requests: number,
  streams = STREAMS,
): Promise<LoadFigures> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-load-"));
  const body = join(folder, "body");
  const log = join(folder, "log");
  writeFileSync(body, grpcFrame(message(operation)));
  const method = operation === "put" ? "Put" : "Range";
  try {
    const { stdout } = await execute(
      "/usr/bin/h2load",
      [
        "-t1",
        `-c${connections}`,
        `-m${streams}`,
        `-n${requests}`,
        `--data=${body}`,
        "--header=content-type: application/grpc",
        "--header=te: trailers",
        `--log-file=${log}`,
        `${clientUrl}/etcdserverpb.KV/${method}`,
      ],
      { timeout: 300_000 },
    );
    return figures(stdout, readFileSync(log, "utf8"), requests);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function message(operation: Operation): Uint8Array {
  return operation === "put"
    ? PutRequest.encode(PutRequest.fromPartial({ key: KEY, value: VALUE })).finish()
    : RangeRequest.encode(RangeRequest.fromPartial({ key: KEY })).finish();
}

function grpcFrame(bytes: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  return frame;
}

function figures(stdout: string, log: string, requests: number): LoadFigures {
  const succeeded = Number(/(\d+) succeeded/.exec(stdout)?.[1]);
  if (succeeded !== requests) throw new Error(`h2load: not every request succeeded:\n${stdout}`);
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  const micros = log
    .trim()
    .split("\n")
    .map((line) => Number(line.split("\t")[2]))
    .sort((a, b) => a - b);
  const at = (share: number): number =>
    (micros[Math.floor((micros.length - 1) * share)] ?? 0) / 1000;
  return { perSecond, p50Ms: at(0.5), p99Ms: at(0.99) };
}
