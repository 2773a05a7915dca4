import { execFileSync, spawn } from "node:child_process";
import type { EtcdTools } from "./tools.ts";

/** `check perf` alone takes a minute. */
const LIMIT_MS = 110_000;
const ENVIRONMENT = { ...process.env, ETCDCTL_API: "3" };

/** What a terminal shows at the end, one character for each byte. */
export interface Shown {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether what it was to show was shown. */
  readonly isShown: boolean;
}

export interface Typing {
  /** For a command that reads. */
  readonly input?: string | undefined;
  /** Shown by a command that does not end by itself: then it is interrupted, and may still read till then. */
  readonly until?: RegExp | undefined;
  /** It says all it has to say even so: nothing behind `until` is left out. */
  readonly isWhole?: boolean | undefined;
}

/** Runs etcdctl (API v3). Never rejects for a code; does when it neither ends nor shows `until`. */
export function runEtcdctl(
  tools: EtcdTools,
  endpoints: string,
  args: readonly string[],
  { input = "", until, isWhole = false }: Typing = {},
): Promise<Shown> {
  const child = spawn(tools.etcdctl, [`--endpoints=${endpoints}`, ...args], { env: ENVIRONMENT });
  let stdout = "";
  let stderr = "";
  let end: number | undefined;
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("latin1");
  });
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("latin1");
    const found = end === undefined ? until?.exec(stdout) : undefined;
    if (!found) return;
    end = found.index + found[0].length;
    child.kill("SIGINT");
  });
  // One that does not read may be gone before the input has left.
  child.stdin.on("error", () => undefined);
  if (until === undefined) child.stdin.end(input);
  else child.stdin.write(input);
  return new Promise((resolve, reject) => {
    const last = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`etcdctl ${args.join(" ")} does not end:\n${stdout}${stderr}`));
    }, LIMIT_MS);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(last);
      const isShown = end !== undefined;
      const displayed = isWhole ? stdout : stdout.slice(0, end);
      resolve({ code: code ?? -1, stdout: displayed, stderr, isShown });
    });
  });
}

/** Every command and subcommand that the tool's help names, like `lease grant`. */
export function helpCommands(tools: EtcdTools): string[] {
  const help = execFileSync(tools.etcdctl, ["help"], { env: ENVIRONMENT, encoding: "utf8" });
  const [, rest = ""] = help.split("\nCOMMANDS:\n");
  const [listed = ""] = rest.split("\nOPTIONS:\n");
  return listed
    .split("\n")
    .map((line) => line.split("\t")[1] ?? "")
    .filter((name) => name !== "");
}

/** Without ids, ports, sizes, durations, hashes and what the tool logs for itself. */
export function masked(text: string): string {
  return (
    text
      .replace(/^\{"level":"(warn|info)".*\n/gm, "")
      // How far `check` has come.
      .replace(/\r[^\n]*/g, "")
      .replace(/127\.0\.0\.1:\d+/g, "HOST")
      // Two characters stand for the µ where there is one for each byte.
      .replace(/[\d.]+(\u00c2\u00b5|[mnµ])?s\b/g, "TIME")
      .replace(
        /"(cluster_id|member_id|memberID|raft_term|leader|ID|id|lease|raftIndex|raftTerm)":\s*\d+/g,
        '"$1":0',
      )
      .replace(/"(raftAppliedIndex|dbSize|dbSizeInUse|hash|totalSize)":\s*\d+/g, '"$1":0')
      .replace(/"(ClusterID|MemberID|RaftTerm|Leader|ID|Lease|RaftIndex)" ?: \d+/g, '"$1" : 0')
      .replace(/"(RaftAppliedIndex|DBSize|DBSizeInUse|Hash|Size)" ?: [\w."]+/g, '"$1" : 0')
      .replace(/"took":"[^"]*"/g, '"took":"TIME"')
      .replace(/\b(memberID|cluster_id|member_id|raft_term):\d+/g, "$1:0")
      .replace(/\b[0-9a-f]{13,16}\b/g, "ID")
      // The same in base64, behind the prefixes `mutex/` and `chair/`.
      .replace(/"(bXV0ZXgv|Y2hhaXIv)[\w+/]{18,24}=*"/g, '"$1ID"')
      .replace(/\b[\d.]+ [kM]?B\b/g, "SIZE")
      // The columns of raft's term and indexes in the rows of `endpoint status`.
      .replace(/(true|false)([,| ]+)\d+([,| ]+)\d+([,| ]+)\d+/g, "$1$2N$3N$4N")
      .replace(/ {2,}|-{2,}/g, " ")
      // Hashes of keys, and of a database.
      .replace(/(http:\/\/HOST(?:,| \|) )\d+( \||\n)/g, "$1HASH$2")
      .replace(/^((?:\| )?)[0-9a-f]{1,8}((?:,| \|) \d+(?:,| \|) \d+(?:,| \|) SIZE)/gm, "$1HASH$2")
  );
}

const ID = "[\\x80-\\xff]{7,9}[^\\x80-\\xff]";
const VARINT = "[\\x80-\\xff]*[^\\x80-\\xff]";
const HEADER = new RegExp(`(?:\\x0a.)?\\x08${ID}\\x10${ID}(\\x18${VARINT})?\\x20${VARINT}`, "gs");
/** A key of a lock or of an election, with the message that begins with it. */
const HELD_KEY = /..\n.(mutex|chair)\/[0-9a-f]+/gs;
/** An id, with the two bytes before: the length of a message that begins with it, and its tag. */
const WIRE_ID = new RegExp(`(?:..)?${ID}`, "gs");

/** As `masked`, of what `-w protobuf` prints; of the header the revision is left. */
export function maskedWire(bytes: string): string {
  return bytes
    .replace(HEADER, "HEADER$1")
    .replace(HELD_KEY, "$1/ID")
    .replace(WIRE_ID, "ID")
    .replace(/127\.0\.0\.1:\d+/g, "HOST");
}
