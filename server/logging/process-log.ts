import type { Clock } from "../base/clock.ts";
import { LineLog, type Log } from "../base/log.ts";
import { systemProblem } from "../base/system-error.ts";
import type { LogSettings } from "../config/log-settings.ts";
import { FileOutput } from "./file-output.ts";
import type { LogOutput } from "./log-output.ts";
import { StreamOutput } from "./stream-output.ts";

const DESCRIPTORS: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 };

export interface ProcessLog {
  readonly log: Log;
  /** On stderr, if the log goes there and somebody else may have left a line without an end. */
  beginLine(): void;
  /** Writes what waits, as far as anybody takes it. */
  close(): void;
}

/** @throws Error in etcd's words, when a file cannot be opened */
export function openProcessLog(settings: LogSettings, clock: Clock): ProcessLog {
  const outputs: LogOutput[] = [];
  let stderr: LogOutput | undefined;
  const log = new LineLog({
    clock,
    level: settings.level,
    format: settings.format,
    write: (line) => {
      for (const output of outputs) output.write(line);
    },
  });
  const onDropped = (lines: number) => log.warn("lines of the log were dropped", { lines });
  for (const target of settings.outputs) {
    const descriptor = DESCRIPTORS[target];
    const output =
      descriptor === undefined
        ? openFile(target, settings, clock, onDropped)
        : new StreamOutput(descriptor, clock, onDropped);
    if (target === "stderr") stderr = output;
    outputs.push(output);
  }
  return {
    log,
    beginLine: () => stderr?.write("\n"),
    close: () => {
      for (const output of outputs) output.close();
    },
  };
}

function openFile(
  path: string,
  { rotation }: LogSettings,
  clock: Clock,
  onDropped: (lines: number) => void,
): FileOutput {
  try {
    return new FileOutput(path, rotation, clock, onDropped);
  } catch (error) {
    const problem = systemProblem(error, `open ${path}`);
    throw new Error(`open sink ${JSON.stringify(path)}: ${problem}`);
  }
}
