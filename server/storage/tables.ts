/** Every table, by the name of etcd's bucket: a snapshot is these tables copied one by one. */
export const TABLES = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "key",
  "lease",
  "members",
  "members_removed",
  "meta",
] as const;
export type Table = (typeof TABLES)[number];
