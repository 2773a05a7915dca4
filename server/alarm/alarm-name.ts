import type { AlarmMember } from "../proto/gen/rpc.ts";

/** By the number of a type. */
const NAMES: readonly string[] = ["NONE", "NOSPACE", "CORRUPT"];

/**
 * A type of alarm as etcd prints it, the number of one that it does not know: members of other
 * versions may raise such.
 */
export function alarmName(type: number): string {
  return NAMES[type] ?? String(type);
}

/** An alarm as etcd prints it. */
export function alarmText({ memberID, alarm }: AlarmMember): string {
  const member = memberID === 0n ? "" : `memberID:${memberID} `;
  return `${member}alarm:${alarmName(alarm)} `;
}
