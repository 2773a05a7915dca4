import { InternalField } from "../proto/internal-codec.ts";

/** What an entry asks for, as etcd's metrics name it. */
export interface OperationName {
  /** `v2` for what etcd 3.5 publishes about members and versions. */
  readonly version: "v2" | "v3";
  /** `Put`, `LeaseGrant` …; of v2 the method, `PUT`. */
  readonly name: string;
}

export const V2_PUT: OperationName = { version: "v2", name: "PUT" };
const UNKNOWN: OperationName = { version: "v3", name: "unknown" };

const NAMES: ReadonlyMap<number, OperationName> = new Map(
  Object.entries(InternalField).map(([constant, field]) => {
    const words = constant.toLowerCase().split("_");
    const name = words.map((word) => (word[0] ?? "").toUpperCase() + word.slice(1)).join("");
    return [field, { version: "v3", name }];
  }),
);

/** @param field of an InternalRaftRequest */
export function operationNameOf(field: number): OperationName {
  return NAMES.get(field) ?? UNKNOWN;
}
