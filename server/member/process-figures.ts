import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ProcessFigures } from "../metrics/figures.ts";

const PROC = "/proc/self";
/** What Linux says for no limit, as Go's client library exports it. */
const UNLIMITED = 2 ** 64;

/** What the kernel says about this process; nothing where there is no /proc. */
export function processFigures(): ProcessFigures {
  if (!existsSync(`${PROC}/limits`)) return {};
  const limits = readFileSync(`${PROC}/limits`, "utf8");
  const status = readFileSync(`${PROC}/status`, "utf8");
  const network = octets();
  return {
    openFiles: readdirSync(`${PROC}/fd`).length,
    openFilesMax: limitOf(limits, "Max open files"),
    virtualBytesMax: limitOf(limits, "Max address space"),
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN),
    networkReceivedBytes: network.received,
    networkSentBytes: network.sent,
  };
}

/** Files and connections that may be open at once; no number is too many where nobody says. */
export function openFilesMax(): number {
  if (!existsSync(`${PROC}/limits`)) return UNLIMITED;
  return limitOf(readFileSync(`${PROC}/limits`, "utf8"), "Max open files");
}

/** The soft limit. */
function limitOf(limits: string, name: string): number {
  const soft = new RegExp(`^${name}\\s+(\\S+)`, "m").exec(limits)?.[1];
  return soft === "unlimited" ? UNLIMITED : Number(soft);
}

/** Of the network namespace: the kernel counts no further. */
function octets(): { received: number; sent: number } {
  const rows = readFileSync(`${PROC}/net/netstat`, "utf8").split("\n");
  const [names = "", values = ""] = rows.filter((row) => row.startsWith("IpExt:"));
  const columns = names.split(" ");
  const cells = values.split(" ");
  const cell = (name: string) => Number(cells[columns.indexOf(name)]);
  return { received: cell("InOctets"), sent: cell("OutOctets") };
}
