import type { Log } from "../base/log.ts";

/**
 * A service of systemd's Type=notify is started when it says so, in a datagram to a Unix socket.
 * The runtime has no such sockets: the log tells it then, in etcd's line.
 * @param socket of systemd's, in the variable NOTIFY_SOCKET; `undefined`: nobody waits
 */
export function notifyInitDaemon(log: Log, socket: string | undefined): void {
  if (socket === undefined || socket === "") return;
  log.info("notifying init daemon");
  log.error("failed to notify systemd for readiness", {
    error: "this program cannot send to NOTIFY_SOCKET; use Type=exec in the unit",
  });
}
