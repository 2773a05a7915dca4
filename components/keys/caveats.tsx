"use client";

import type { KeysLocation } from "@/components/keys/keys-address";
import type { Standing } from "@/components/keys/use-standing";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { formatDecimal } from "@/lib/browser/format";
import type { TreeView } from "@/lib/browser/key-tree";

interface CaveatsProps {
  location: KeysLocation;
  problem: string | null;
  view: TreeView;
  standing: Standing;
}

/** What the reader must know before believing the page. */
export function Caveats({ location, problem, view, standing }: CaveatsProps) {
  const { address, go } = location;
  // Where nothing has been read yet, the tree itself says why.
  const isRead = view.revision !== null;
  const isStale = isRead && (!standing.hasQuorum || view.onlyMember !== null);
  const isSilent = isRead && standing.silence !== null && !isStale;
  if (problem === null && address.revision === undefined && !isStale && !isSilent) return null;
  return (
    <div className="flex shrink-0 flex-col gap-2 border-b bg-canvas p-2">
      {problem === null ? null : <Notice tone="bad" title={problem} />}
      {isStale ? <WithoutQuorum view={view} standing={standing} /> : null}
      {isSilent ? <WithoutNews standing={standing} /> : null}
      {address.revision === undefined ? null : (
        <Notice
          tone="warn"
          title={`This is the past: revision ${formatDecimal(address.revision)}`}
          actions={
            <Button size="sm" onClick={() => go({ revision: undefined })}>
              Back to now
            </Button>
          }
        >
          Keys and values are as they were then. Nothing can be changed.
        </Notice>
      )}
    </div>
  );
}

function WithoutQuorum({ view, standing }: Pick<CaveatsProps, "view" | "standing">) {
  const { revision, onlyMember } = view;
  const at = revision === null ? null : `revision ${formatDecimal(revision)}`;
  const source =
    onlyMember === null
      ? `The tree was read before that${at === null ? "" : `, at ${at}`}.`
      : `The tree is what ${standing.memberName(onlyMember)} alone has, up to ${at}.`;
  return (
    <Notice tone="warn" title={`${whyOld(standing)}: what is shown may be old`}>
      {source} {whatIsKnown(standing)}
    </Notice>
  );
}

function whyOld({ hasQuorum, doubt, silence }: Standing): string {
  if (hasQuorum) return "The cluster as a whole did not answer";
  if (doubt !== null) return doubt.title;
  return `The cluster ${silence === null ? "has" : "had"} no quorum`;
}

function whatIsKnown({ doubt, refusal, silence }: Standing): string {
  if (doubt !== null && silence === null) return doubt.text;
  return refusal ?? silence ?? "It is read again as soon as the cluster answers.";
}

/** Nobody says how the cluster is: what was last known of it, and how long ago. */
function WithoutNews({ standing: { silence, checkedAt } }: Pick<CaveatsProps, "standing">) {
  return (
    <Notice tone="warn" title={silence}>
      What is shown may be old.{" "}
      {checkedAt === undefined ? (
        "How the cluster is has not been known yet."
      ) : (
        <>
          The cluster had a quorum <Age since={checkedAt} />.
        </>
      )}
    </Notice>
  );
}
