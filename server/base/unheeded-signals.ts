/**
 * What Go's runtime takes and forgets. Node would open its debugger, which runs whatever it is
 * told, to everybody on this machine at the first, and end at once at the others.
 */
const UNHEEDED = [
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
  "SIGPWR",
  "SIGXCPU",
] as const;

export function ignoreUnheededSignals(): void {
  for (const signal of UNHEEDED) process.on(signal, () => {});
}
