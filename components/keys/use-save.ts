"use client";

import { useEffect, useState } from "react";
import type { Conflict } from "@/components/keys/conflict-dialog";
import { useIsLeft, useTellOnceLeft } from "@/components/keys/use-left";
import type { ValueEdit } from "@/components/keys/use-value-edit";
import { outcomeOfFailure } from "@/components/keys/write-outcome";
import { useToaster } from "@/components/ui/toast";
import { compareDecimal } from "@/lib/browser/decimal";
import { dropSavedDraft } from "@/lib/browser/drafts";
import { formatDecimal } from "@/lib/browser/format";
import { conflictOf, createKey, saveKey } from "@/lib/browser/keys";
import { overtaken, type WriteFailure, writeFailure } from "@/lib/browser/write-failure";
import { decodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";

/** The watch normally brings a saved value back at once; after this time it is read. */
const ECHO_MS = 1_500;

export interface Saving {
  readonly isReviewing: boolean;
  readonly isSaving: boolean;
  readonly failure: WriteFailure | null;
  /** What the question was opened with, or what it was asked about since. */
  readonly conflict: Conflict | null;
  /** What has come while the question stands; null: nothing. */
  readonly later: Conflict | null;
  readonly review: () => void;
  /** Opens the question, or asks it about what stands there now. */
  readonly compare: () => void;
  readonly close: () => void;
  /** Closes, and reads what stands there now. */
  readonly reload: () => void;
  readonly save: () => void;
  readonly overwrite: (theirs: KeyValue | null) => void;
}

/** What is known of the key in the cluster. */
export interface KeyStanding {
  /** The key now; when it is gone, what was last known of it. */
  readonly kv: KeyValue;
  /** As of when; null when that is not known. */
  readonly revision: string | null;
  readonly isGone: boolean;
  /** The one member that was asked, where there is no quorum. */
  readonly onlyMember: string | null;
}

type Step = "none" | "review" | "conflict";

interface Question extends Conflict {
  /** What the watch showed then: what a refusal tells may be ahead of it. */
  readonly shown: Conflict;
}

/** A save that the cluster has taken. */
interface Saved {
  readonly revision: string;
  /** What stood in the editor. */
  readonly text: string;
}

/** The way of an edit into the cluster. It never touches what is shown: the watch does that. */
export function useSave(
  cluster: string,
  standing: KeyStanding,
  edit: ValueEdit,
  refetch: () => void,
): Saving {
  const { kv, revision, isGone } = standing;
  const toaster = useToaster();
  const [step, setStep] = useState<Step>("none");
  const [question, setQuestion] = useState<Question | null>(null);
  const [isSending, setIsSending] = useState(false);
  const [failure, setFailure] = useState<WriteFailure | null>(null);
  const [awaited, setAwaited] = useState<Saved | null>(null);
  // Once and for all: a restore, or a member that is behind, may show an earlier revision again.
  const [arrived, setArrived] = useState<Saved | null>(null);
  const isLeft = useIsLeft();
  const key = decodeBase64(kv.key);
  const tell = useTellOnceLeft();
  const live: Conflict = { theirs: isGone ? null : kv };
  // Not the key's own revision: somebody may have deleted it right after.
  const seen = revision ?? kv.modRevision;
  const isThere = awaited !== null && compareDecimal(seen, awaited.revision) >= 0;
  if (isThere && arrived !== awaited) setArrived(awaited);
  const isAwaited = awaited !== null && arrived !== awaited;

  useEffect(() => {
    if (arrived !== null) dropSavedDraft(cluster, kv.key, arrived.text);
  }, [arrived, cluster, kv.key]);
  useEffect(() => {
    if (!isAwaited) return;
    // Once the key is left nobody waits any more, and what was saved is no edit.
    return () => dropSavedDraft(cluster, kv.key, awaited.text);
  }, [isAwaited, awaited, cluster, kv.key]);
  useEffect(() => {
    if (!isAwaited) return;
    const timer = setInterval(refetch, ECHO_MS);
    return () => clearInterval(timer);
  }, [isAwaited, refetch]);

  const run = async (write: (value: Uint8Array) => Promise<{ revision: string }>) => {
    if (!edit.parsed.ok) return;
    const { text } = edit;
    setIsSending(true);
    setFailure(null);
    try {
      const saved = await write(edit.parsed.bytes);
      if (isLeft.current) dropSavedDraft(cluster, kv.key, text);
      setStep("none");
      setAwaited({ revision: saved.revision, text });
      toaster.done(`Saved at revision ${formatDecimal(saved.revision)}`);
    } catch (error) {
      const found = conflictOf(error);
      if (found === undefined) {
        const failed = writeFailure(error);
        setFailure(failed);
        tell(outcomeOfFailure(failed, "saved"), key);
      } else {
        setQuestion({ theirs: found.current, shown: live });
        setStep("conflict");
        tell(outcomeOfFailure(refusal(found.current), "saved"), key);
      }
    } finally {
      setIsSending(false);
    }
  };
  const begin = (next: Step) => {
    setFailure(null);
    setQuestion({ ...live, shown: live });
    setStep(next);
  };
  const asked = step === "conflict" ? question : null;
  const isSaving = isSending || isAwaited;
  const hasMovedOn = asked !== null && !isSaving && isOutdated(asked, standing);
  return {
    isReviewing: step === "review",
    isSaving,
    failure,
    conflict: asked,
    later: hasMovedOn ? live : null,
    review: () => begin(isOverrun(standing, edit) ? "conflict" : "review"),
    compare: () => begin("conflict"),
    close: () => {
      // What comes of what is sent is told in the dialog.
      if (!isSending) setStep("none");
    },
    reload: () => {
      setStep("none");
      refetch();
    },
    save: () => void run((value) => saveKey(cluster, key, value, edit.baseRevision)),
    overwrite: (theirs) =>
      void run((value) =>
        theirs === null
          ? createKey(cluster, key, value)
          : saveKey(cluster, key, value, theirs.modRevision),
      ),
  };
}

/**
 * Whether the key is not what the edit began from: changed since, or of another history after a
 * restore. What is shown may be older than that too: an edit that goes on from what a refusal told
 * is ahead of the watch, and one member alone may be behind.
 */
export function isOverrun(
  { kv, revision, isGone, onlyMember }: KeyStanding,
  { baseRevision, aheadOf }: Pick<ValueEdit, "baseRevision" | "aheadOf">,
): boolean {
  const changedAt = isGone ? revision : kv.modRevision;
  if (changedAt === null) return true;
  const order = compareDecimal(changedAt, baseRevision);
  if (order > 0 || (order === 0 && isGone)) return true;
  return onlyMember === null && compareDecimal(changedAt, aheadOf ?? baseRevision) < 0;
}

/** Whether something else has come since; not what was there before what a refusal told. */
function isOutdated(asked: Question, { kv, revision, isGone }: KeyStanding): boolean {
  const now: Conflict = { theirs: isGone ? null : kv };
  if (isSame(now, asked) || isSame(now, asked.shown)) return false;
  const changedAt = isGone ? revision : kv.modRevision;
  if (asked.theirs === null || changedAt === null || isSame(asked, asked.shown)) return true;
  return compareDecimal(changedAt, asked.theirs.modRevision) > 0;
}

function isSame(one: Conflict, other: Conflict): boolean {
  return one.theirs?.modRevision === other.theirs?.modRevision;
}

function refusal(current: KeyValue | null): WriteFailure {
  return overtaken(current, {
    gone: "Somebody else has deleted it. Your edit is kept.",
    advice: "Your edit is kept.",
  });
}
