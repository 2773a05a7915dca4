import { readFileSync } from "node:fs";
import type { MemberProcess } from "./member-process.ts";

/** Anonymous memory: mapped database pages are the page cache's and go when they are needed. */
export function residentBytes(member: MemberProcess): number {
  const status = readFileSync(`/proc/${member.pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** The most that it ever had, mapped pages too. */
export function peakResidentBytes(member: MemberProcess): number {
  const status = readFileSync(`/proc/${member.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** Anonymous memory in mebibytes. */
export function residentMb(member: MemberProcess): number {
  return residentBytes(member) / 1024 ** 2;
}
