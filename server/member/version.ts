/** The etcd whose behaviour this is; members and clients go by it. */
export const SERVER_VERSION = "3.5.16";
