import { systemProblem } from "./system-error.ts";

/** What is wrong with an address to listen on, in the words of etcd's log, which tools look for. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
};

/** Of an error about anything else what is wrong with that. */
export function listenProblem(error: Error): string {
  const {
    syscall,
    code = "",
    address,
    port,
  } = error as NodeJS.ErrnoException & {
    readonly address?: string;
    readonly port?: number;
  };
  const reason = REASONS[code];
  if (syscall !== "listen" || reason === undefined || address === undefined) {
    return systemProblem(error);
  }
  const host = address.includes(":") ? `[${address}]` : address;
  return `listen tcp ${host}:${port}: bind: ${reason}`;
}
