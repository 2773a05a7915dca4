// Short words for writing the tables of flags.
import type { FlagDefinition, FlagKind } from "./flag-set.ts";

type More = Partial<Omit<FlagDefinition, "name" | "kind" | "initial" | "usage">>;

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly FlagDefinition[];
}

function word(kind: FlagKind) {
  return (name: string, initial: string, usage: string, more: More = {}): FlagDefinition => ({
    name,
    kind,
    initial,
    usage,
    ...more,
  });
}

export const text = word("text");
export const bool = word("bool");
export const uint = word("uint");
export const uint32 = word("uint32");
export const int = word("int");
export const duration = word("duration");
export const urls = word("urls");
export const origins = word("origins");
export const list = word("list");
export const set = word("set");
export const choice = word("choice");
export const choices = word("choices");

/** The name of 3.5, where 3.6 dropped the prefix. */
export function formerly(name: string): More {
  return { oldName: `experimental-${name}` };
}
