#!/usr/bin/env node
// One member, run like etcd: flags in, JSON lines out, exit codes as etcd's.
import { AssertionError } from "./base/assert.ts";
import { SystemClock } from "./base/clock.ts";
import { JsonLog, type Log, type LogLevel } from "./base/log.ts";
import { SystemRandom } from "./base/random.ts";
import { ShadowedVariableError } from "./config/environment.ts";
import { FileUrlError } from "./config/file.ts";
import { FlagSyntaxError, HelpRequest } from "./config/flag-set.ts";
import { helpText, USAGE } from "./config/flags.ts";
import { ConfigError, StartError } from "./config/given.ts";
import { type ConfigRequest, readConfig } from "./config/read-config.ts";
import { SecurityError } from "./member/security.ts";
import { SERVER_VERSION } from "./member/version.ts";
import { Member } from "./member.ts";

/** After a signal the process is gone at the latest after so many ms, whatever hangs. */
const STOP_LIMIT_MS = 4000;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const clock = new SystemClock();

function jsonLog(level: LogLevel): Log {
  return new JsonLog(clock, (line) => process.stderr.write(line), level);
}

/** What is asked for, or the end of the process. */
function request(): ConfigRequest {
  try {
    return readConfig(process.argv.slice(2), process.env);
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error: unknown): never {
  if (error instanceof HelpRequest) {
    process.stderr.write(USAGE);
    process.stdout.write(helpText());
    process.exit(0);
  }
  if (error instanceof FlagSyntaxError) {
    process.stderr.write(`${error.message}\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
  const log = jsonLog("info");
  if (error instanceof ShadowedVariableError) {
    log.fatal(error.message, { "environment-variable": error.variable });
  } else if (error instanceof FileUrlError) {
    process.stderr.write(`${error.message}\n`);
  } else if (error instanceof StartError) {
    log.fatal("discovery failed", { error: error.message });
  } else if (error instanceof ConfigError) {
    log.warn("failed to verify flags", { error: error.message });
  } else throw error;
  process.exit(EXIT_FAILURE);
}

function versionText(): string {
  return [
    `etcd Version: ${SERVER_VERSION}`,
    "Git SHA: Not provided",
    `Node Version: ${process.version}`,
    `Node OS/Arch: ${process.platform}/${process.arch}`,
    "",
  ].join("\n");
}

function die(log: Log, message: string, error: unknown): never {
  const stacktrace = error instanceof Error ? error.stack : undefined;
  log.fatal(message, { error: error instanceof Error ? error.message : String(error), stacktrace });
  process.exit(EXIT_FAILURE);
}

/** Ends the process by the signal itself, as if nobody had handled it. */
function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

async function main(): Promise<void> {
  const asked = request();
  if (asked.kind === "version") {
    process.stdout.write(versionText());
    return;
  }
  const { config, notes } = asked;
  const log = jsonLog(config.log.level);
  process.on("uncaughtException", (error) => {
    die(log, error instanceof AssertionError ? "invariant broken" : "unexpected error", error);
  });
  for (const { level, message, fields } of notes) log[level](message, fields);
  let member: Member;
  try {
    member = await Member.start({ config, clock, random: new SystemRandom(), log });
  } catch (error) {
    die(log, error instanceof SecurityError ? error.headline : "discovery failed", error);
  }
  const stop = (signal: NodeJS.Signals) => {
    log.info("received signal; shutting down", { signal });
    clock.after(STOP_LIMIT_MS, () => process.kill(process.pid, "SIGKILL"));
    member.stop().then(
      () => endBy(signal),
      (error: unknown) => die(log, "failed to stop", error),
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  const end = await member.ended;
  if (end.kind === "failed") die(log, "the member cannot go on", end.error);
  clock.after(STOP_LIMIT_MS, () => process.kill(process.pid, "SIGKILL"));
  await member.stop();
  process.exit(0);
}

await main();
