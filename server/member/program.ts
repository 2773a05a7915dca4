// One member, run like etcd: flags in, lines of a log out, exit codes as etcd's.
import { AssertionError } from "../base/assert.ts";
import { SystemClock } from "../base/clock.ts";
import { listenProblem } from "../base/listen-problem.ts";
import { LineLog, type Log } from "../base/log.ts";
import { SystemRandom } from "../base/random.ts";
import { ShadowedVariableError } from "../config/environment.ts";
import { FileUrlError } from "../config/file.ts";
import { FlagSyntaxError, HelpRequest } from "../config/flag-set.ts";
import { helpText, USAGE } from "../config/flags.ts";
import { ConfigError, StartError } from "../config/given.ts";
import { type MemberRequest, readConfig } from "../config/read-config.ts";
import { openProcessLog, type ProcessLog } from "../logging/process-log.ts";
import type { Member } from "../member.ts";
import { EngineFailedError } from "../storage/engine.ts";
import { DataFolderError, noteDataFolder } from "./data-folder.ts";
import { notifyInitDaemon } from "./init-daemon.ts";
import { SecurityError } from "./security-error.ts";
import { SERVER_VERSION } from "./version.ts";

/** After a signal the process is gone at the latest after so many ms, whatever hangs. */
const STOP_LIMIT_MS = 4000;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
/** As etcd's, where a signal came before there was anything to stop in order. */
const EXIT_UNSTARTED = 2;
/** As Go's runtime, which ends at once. */
const EXIT_QUIT = 2;
/** What nobody handles a signal for: the first process of a container. */
const FIRST_PROCESS = 1;
const SIGNAL_NAMES = { SIGTERM: "terminated", SIGINT: "interrupt" } as const;
type StopSignal = keyof typeof SIGNAL_NAMES;
const STOP_SIGNALS = Object.keys(SIGNAL_NAMES) as StopSignal[];

const clock = new SystemClock();
const args = process.argv.slice(2);

/** Before there is a configuration that says where the log goes. */
function earlyLog(): Log {
  const write = (line: string): void => void process.stderr.write(line);
  return new LineLog({ clock, level: "info", format: "json", write });
}

/** What is asked for, or the end of the process. */
function request(): MemberRequest {
  try {
    const asked = readConfig(args, process.env);
    if (asked.kind === "member") return asked;
    process.stdout.write(versionText());
    process.exit(0);
  } catch (error) {
    if (error instanceof HelpRequest) {
      process.stderr.write(USAGE);
      process.stdout.write(helpText());
      process.exit(0);
    }
    if (error instanceof FlagSyntaxError) {
      process.stderr.write(`${error.message}\n${USAGE}`);
      process.exit(EXIT_USAGE);
    }
    if (error instanceof FileUrlError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(EXIT_FAILURE);
    }
    return refuse(earlyLog(), error);
  }
}

/** @param dataDir where it is known by then */
function refuse(log: Log, error: unknown, dataDir?: string): never {
  if (error instanceof ShadowedVariableError) {
    log.fatal(error.message, { "environment-variable": error.variable });
  } else if (error instanceof StartError) {
    log.info("Running: ", { args: shownArgs() });
    const isNew = dataDir === undefined || isNewFolder(log, dataDir);
    if (isNew) log.warn("failed to start etcd", { error: error.message });
    log.fatal("discovery failed", { error: error.message });
  } else if (error instanceof ConfigError) {
    log.info("Running: ", { args: shownArgs() });
    log.warn("failed to verify flags", { error: error.message });
  } else throw error;
  process.exit(EXIT_FAILURE);
}

function openLog({ config }: MemberRequest): ProcessLog {
  try {
    const processLog = openProcessLog(config.log, clock);
    process.once("exit", () => processLog.close());
    return processLog;
  } catch (error) {
    return refuse(earlyLog(), new ConfigError((error as Error).message));
  }
}

/** As they were given, but for what nobody else is to read. */
function shownArgs(): string[] {
  const shown = args.map((arg) => arg.replace(/^(--?[a-z-]*password)=.*/s, "$1=(hidden)"));
  return ["etcd", ...shown];
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

function die(processLog: ProcessLog, message: string, error: unknown): never {
  // LMDB has said so on stderr by then, and left the line open.
  if (error instanceof EngineFailedError) processLog.beginLine();
  const stacktrace = error instanceof Error ? error.stack : undefined;
  processLog.log.fatal(message, { error: reasonOf(error), stacktrace });
  process.exit(EXIT_FAILURE);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? listenProblem(error) : String(error);
}

/** Ends the process where nobody can be started from it. */
function isNewFolder(log: Log, dataDir: string): boolean {
  try {
    return noteDataFolder(log, dataDir) === "new";
  } catch (error) {
    if (!(error instanceof DataFolderError)) throw error;
    log.fatal(error.message, error.fields);
    process.exit(EXIT_FAILURE);
  }
}

/** Ends the process by the signal itself, as if nobody had handled it. */
function endBy(signal: StopSignal): void {
  if (process.pid === FIRST_PROCESS) process.exit(0);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** A first process cannot kill itself. */
function endInAnyCase(): void {
  process.kill(process.pid, "SIGKILL");
  process.exit(EXIT_FAILURE);
}

function endUnstarted(): void {
  process.exit(EXIT_UNSTARTED);
}

/** What a first process does not handle, it does not even notice; any other one ends by it. */
function handleSignalsWhileStarting(): void {
  process.once("SIGQUIT", endUnstarted);
  if (process.pid !== FIRST_PROCESS) return;
  for (const signal of STOP_SIGNALS) process.once(signal, endUnstarted);
}

function quitAtOnce(log: Log): void {
  process.removeListener("SIGQUIT", endUnstarted);
  process.once("SIGQUIT", () => {
    log.fatal("SIGQUIT: quit");
    process.exit(EXIT_QUIT);
  });
}

function handleSignals(stop: (signal: StopSignal) => void): void {
  for (const signal of STOP_SIGNALS) {
    process.removeListener(signal, endUnstarted);
    process.once(signal, () => stop(signal));
  }
}

/** Ends the process, sooner or later. */
export async function runMember(): Promise<void> {
  handleSignalsWhileStarting();
  const asked = request();
  const { config } = asked;
  const processLog = openLog(asked);
  const { log } = processLog;
  quitAtOnce(log);
  process.on("uncaughtException", (error) => {
    die(
      processLog,
      error instanceof AssertionError ? "invariant broken" : "unexpected error",
      error,
    );
  });
  for (const { level, message, fields } of asked.notes) log[level](message, fields);
  let remarks: MemberRequest["notes"];
  try {
    remarks = asked.check();
  } catch (error) {
    refuse(log, error, config.dataDir);
  }
  log.info("Running: ", { args: shownArgs() });
  for (const { level, message, fields } of remarks) log[level](message, fields);
  const isNew = isNewFolder(log, config.dataDir);
  let member: Member;
  try {
    // Whoever asks for the version, or is refused, need not wait for the whole server to load.
    const { Member: LoadedMember } = await import("../member.ts");
    member = await LoadedMember.start({ config, clock, random: new SystemRandom(), log });
  } catch (error) {
    if (error instanceof SecurityError) die(processLog, error.headline, error);
    if (isNew) log.warn("failed to start etcd", { error: reasonOf(error) });
    die(processLog, "discovery failed", error);
  }
  handleSignals((signal) => {
    log.info("received signal; shutting down", { signal: SIGNAL_NAMES[signal] });
    clock.after(STOP_LIMIT_MS, endInAnyCase);
    member.stop().then(
      () => {
        processLog.close();
        endBy(signal);
      },
      (error: unknown) => die(processLog, "failed to stop", error),
    );
  });
  void member.ready.then(() => notifyInitDaemon(log, process.env["NOTIFY_SOCKET"]));
  const end = await member.ended;
  if (end.kind === "failed") die(processLog, "the member cannot go on", end.error);
  clock.after(STOP_LIMIT_MS, endInAnyCase);
  await member.stop();
  processLog.close();
  process.exit(0);
}
