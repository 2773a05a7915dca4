import { Permission_Type, type Role } from "../proto/gen/auth.ts";
import { KeyIntervals } from "./key-intervals.ts";

/** What all roles of a user together allow. */
export interface Rights {
  readonly isRoot: boolean;
  readonly readable: KeyIntervals;
  readonly writable: KeyIntervals;
}

/** @param isRoot nothing else matters then */
export function rightsOf(isRoot: boolean, roles: readonly Role[]): Rights {
  const all = roles.flatMap((role) => role.keyPermission);
  const { READ, WRITE, READWRITE } = Permission_Type;
  const allowing = (type: Permission_Type) =>
    new KeyIntervals(all.filter(({ permType }) => permType === type || permType === READWRITE));
  return { isRoot, readable: allowing(READ), writable: allowing(WRITE) };
}
