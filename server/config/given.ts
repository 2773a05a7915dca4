// What somebody asked for, wherever it stood: the same for flags, variables and a file.

import { parseDuration } from "../base/duration.ts";
import type { LogFields } from "../base/log.ts";
import { boolOf, type FlagDefinition } from "./flag-set.ts";
import { FLAGS } from "./flags.ts";
import { intOf, saturated } from "./numbers.ts";
import { parseUrls } from "./urls.ts";

const NS_PER_MS = 1_000_000;

/** A configuration that is refused; exit code 1. */
export class ConfigError extends Error {
  override readonly name: string = "ConfigError";
}

/** One that etcd refuses only when it starts, in other words. */
export class StartError extends ConfigError {
  override readonly name = "StartError";
}

/** Something to write to the log once there is one. */
export interface Note {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly fields?: LogFields;
}

/** A list stays one when it comes from a file, where its items may hold commas. */
export type GivenValue = string | readonly string[];

export class Given {
  /** Only a file can say these. */
  clientAllowedCns: readonly string[] = [];
  readonly #values = new Map<string, GivenValue>();
  readonly #names = new Map<string, string>();

  /** @throws ConfigError when the same is already given under its other name */
  set(name: string, value: GivenValue): void {
    const definition = definitionOf(name);
    const before = this.#names.get(definition.name);
    if (before !== undefined && before !== name) {
      const { name: newer, oldName } = definition;
      throw new ConfigError(
        `cannot set --${oldName} and --${newer} at the same time, please use --${newer} only`,
      );
    }
    this.#names.set(definition.name, name);
    this.#values.set(definition.name, value);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The name under which it was given; etcd 3.5's when it was not. */
  nameOf(name: string): string {
    return this.#names.get(name) ?? definitionOf(name).oldName ?? name;
  }

  text(name: string): string {
    const value = this.#values.get(name) ?? definitionOf(name).initial;
    return typeof value === "string" ? value : value.join(",");
  }

  /** An empty text that was given is a list of one empty item, as in etcd, which nothing matches. */
  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    if (value !== undefined) return typeof value === "string" ? value.split(",") : value;
    const { initial } = definitionOf(name);
    return initial === "" ? [] : initial.split(",");
  }

  /** Without order, without doubles. */
  uniqueList(name: string): readonly string[] {
    return [...new Set(this.list(name))].sort();
  }

  bool(name: string): boolean {
    return boolOf(this.text(name)) ?? false;
  }

  number(name: string): number {
    return saturated(intOf(this.text(name)) ?? 0n);
  }

  durationNs(name: string): bigint {
    return parseDuration(this.text(name)) ?? 0n;
  }

  /** Fractions included. */
  durationMs(name: string): number {
    return Number(this.durationNs(name)) / NS_PER_MS;
  }

  /** An empty text stands for the default, as in etcd. */
  urls(name: string): readonly string[] {
    const value = this.text(name) === "" ? definitionOf(name).initial : this.text(name);
    return value === "" ? [] : parseUrls(value);
  }
}

function definitionOf(name: string): FlagDefinition {
  const definition = FLAGS.get(name);
  if (definition === undefined) throw new RangeError(`no flag is called ${name}`);
  return definition;
}
