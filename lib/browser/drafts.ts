// Values being edited and not yet saved. They live in this tab's memory only (they may be secrets)
// and outlast going to another key or page; leaving the tab asks first.

import { useSyncExternalStore } from "react";
import type { KeyValue } from "../schema/keys.ts";
import type { ValueForm } from "./value-form.ts";

export interface Draft {
  readonly cluster: string;
  readonly form: ValueForm;
  /** What stands in the editor, which need not be well-formed. */
  readonly text: string;
  /** What the edit began from. It outlasts the key itself, which others may delete meanwhile. */
  readonly base: KeyValue;
  /** Set where a refusal told of the base before the watch did: what the watch showed then. */
  readonly aheadOf?: string | null;
}

let drafts: ReadonlyMap<string, Draft> = new Map();
const listeners = new Set<() => void>();

function nameOf(cluster: string, key: string): string {
  return `${cluster} ${key}`;
}

function publish(next: ReadonlyMap<string, Draft>): void {
  drafts = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setDraft(draft: Draft): void {
  publish(new Map(drafts).set(nameOf(draft.cluster, draft.base.key), draft));
}

export function dropDraft(cluster: string, key: string): void {
  if (!drafts.has(nameOf(cluster, key))) return;
  const next = new Map(drafts);
  next.delete(nameOf(cluster, key));
  publish(next);
}

/** Drops a draft whose text has been saved, unless it was edited further meanwhile. */
export function dropSavedDraft(cluster: string, key: string, text: string): void {
  if (findDraft(cluster, key)?.text === text) dropDraft(cluster, key);
}

function findDraft(cluster: string, key: string): Draft | undefined {
  return drafts.get(nameOf(cluster, key));
}

export function useDraft(cluster: string, key: string): Draft | undefined {
  const read = () => findDraft(cluster, key);
  return useSyncExternalStore(subscribe, read, () => undefined);
}

const NONE: ReadonlyMap<string, Draft> = new Map();

/** All drafts, by cluster and key. */
export function useDrafts(): ReadonlyMap<string, Draft> {
  return useSyncExternalStore(
    subscribe,
    () => drafts,
    () => NONE,
  );
}
