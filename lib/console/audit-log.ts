/** A line of JSON in the console's log: who did, or tried, what. Never with a secret or a value. */
export function tell(msg: string, facts: Readonly<Record<string, unknown>>): void {
  const time = new Date().toISOString();
  process.stdout.write(`${JSON.stringify({ level: "info", msg, time, ...facts })}\n`);
}
