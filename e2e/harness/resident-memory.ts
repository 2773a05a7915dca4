import { readFileSync } from "node:fs";
import type { MemberProcess } from "../harness/member-process.ts";

/** Anonymous memory: mapped database pages are the page cache's and go when they are needed. */
export function residentMb(member: MemberProcess): number {
  const status = readFileSync(`/proc/${member.pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
